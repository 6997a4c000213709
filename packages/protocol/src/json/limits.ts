/** Limits as JSON, from the table. */
import { z } from 'zod';
import { LIMIT_NAMES, LIMITS, type LimitsOf } from '../limits.ts';
import { UNITS } from '../units.ts';
import { printed, written } from './quantities.ts';

/** Limits as a caller may write them. Those of a task and those of a node differ in the least values only. */
export function limitsInput(of: LimitsOf) {
  const units = written();
  const fields = LIMIT_NAMES.map((name) => {
    const { unit, least, about } = LIMITS[name];
    const atLeast = of === 'task' && unit !== 'flag' && least > 0 ? `, at least ${UNITS[unit].print(least)}` : '';
    return [name, units[unit].nullish().describe(about + atLeast)];
  });
  const description =
    of === 'task'
      ? 'Ceilings a task asks for. One that is absent or null is no ceiling; one that nobody knows is dropped.'
      : 'What a node gives or gave. One that is absent or null is no ceiling; one that nobody knows is dropped.';
  return z
    .looseObject(Object.fromEntries(fields) as Record<string, z.ZodType>)
    .meta({ id: of === 'task' ? 'LimitsInput' : 'BudgetInput', description });
}

/** Limits as the grid prints them: those that are set, in the order of the table. */
export function limitsPrinted() {
  const units = printed();
  const fields = LIMIT_NAMES.map((name) => [name, units[LIMITS[name].unit].optional().describe(LIMITS[name].about)]);
  return z.object(Object.fromEntries(fields) as Record<string, z.ZodType>).meta({
    id: 'Limits',
    description: 'Ceilings that are set; one that is absent is none.',
  });
}
