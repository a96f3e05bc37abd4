// Answers lines of `hallpass policy simulate` with the evaluator of @cloud-copilot/iam-simulate: a line
// of {"id", "decision"} or {"id", "error"} for each, in order. With --repeat N the first line is
// evaluated N times and the rate is told. Started by e2e/policies.py and bench/policies.py.
import { createInterface } from 'node:readline';
import { anonymousPrincipal, runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate';

const FULL = { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' }] };

const named = (policies) => (policies ?? []).map((policy, at) => ({ name: `p${at}`, policy: policy.policy ?? policy }));
const levels = (list, more) => (list ?? []).map((level, at) => (
  { orgIdentifier: `l${at}`, policies: [...more, ...named(level)].map(({ policy }, place) => ({ name: `l${at}p${place}`, policy })) }));

// it asks a resource policy for its name without having given it one
const ready = (policyDocument) => ({ __validated: true, policyDocument, metadata: { name: 'resource' }, errors: [] });

// each account as the case says it, or as the ARN does, or the caller's
function owner(given) {
  const accounts = [given.resourceAccount, given.resource.split(':')[4], String(given.principal).split(':')[4]];
  return accounts.find((account) => /^\d{12}$/.test(account ?? '')) ?? '000000000000';
}

function simulation(given) {
  const anonymous = given.principal.anonymous;
  return {
    request: {
      principal: anonymous ? anonymousPrincipal : given.principal,
      action: given.action,
      resource: { resource: given.resource, accountId: owner(given) },
      contextVariables: given.context ?? {},
    },
    identityPolicies: anonymous ? [] : named(given.identityPolicies),
    serviceControlPolicies: anonymous ? [] : levels(given.scps, []),
    // what is tested adds RCPFullAWSAccess by itself, `runSimulation` too
    resourceControlPolicies: levels(given.rcps, given.session ? [] : [{ policy: FULL }]),
    resourcePolicy: given.resourcePolicy && (given.session ? given.resourcePolicy : ready(given.resourcePolicy)) || undefined,
    permissionBoundaryPolicies: anonymous || !given.boundary ? undefined : named([given.boundary]),
    sessionPolicy: given.session ?? undefined,
  };
}

async function decision(given) {
  const asked = simulation(given);
  if (!given.session) return runUnsafeSimulation(asked, {});
  const said = await runSimulation(asked, {});
  if (said.resultType === 'error') throw new Error(JSON.stringify(said.errors));
  return said.overallResult;
}

const repeat = Number(process.argv[process.argv.indexOf('--repeat') + 1] ?? 0);
for await (const line of createInterface({ input: process.stdin })) {
  const given = JSON.parse(line);
  if (process.argv.includes('--repeat')) {
    const asked = simulation(given);
    for (let round = 0; round < repeat / 10; round++) runUnsafeSimulation(asked, {});
    const start = process.hrtime.bigint();
    for (let round = 0; round < repeat; round++) runUnsafeSimulation(asked, {});
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    console.log(JSON.stringify({ decision: runUnsafeSimulation(asked, {}), per_second: repeat / seconds }));
    break;
  }
  try {
    console.log(JSON.stringify({ id: given.id, decision: await decision(given) }));
  } catch (error) {
    console.log(JSON.stringify({ id: given.id, error: String(error.message).slice(0, 300) }));
  }
}
