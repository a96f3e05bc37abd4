-- A sweep that somebody wants while another looks waits for it.

CREATE UNIQUE INDEX sweeps_one_queued ON sweeps (state) WHERE state = 'queued';
DROP INDEX sweeps_open;
CREATE INDEX sweeps_open ON sweeps (id)
    WHERE state IN ('queued', 'running', 'planned', 'stopped', 'working');
