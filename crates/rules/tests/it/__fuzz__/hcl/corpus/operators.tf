=config = [{ MinApprovals = -(1 + 2) * 3 > 4 ? !true : null }]
