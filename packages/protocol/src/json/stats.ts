/** Stats as JSON: nested as the original has them, from the table. */
import { z } from 'zod';
import { STAT_NAMES, STATS } from '../stats.ts';
import { OWN_GROUPS } from '../stats-json.ts';
import { printed, written } from './quantities.ts';

type Groups = Record<string, Record<string, z.ZodType>>;

/** The fields of each group of the table, and those that are in no group. */
function fieldsOf(form: 'written' | 'printed'): { groups: Groups; alone: Record<string, z.ZodType> } {
  const groups: Groups = {};
  const alone: Record<string, z.ZodType> = {};
  for (const name of STAT_NAMES) {
    const { place, unit, about } = STATS[name];
    const [group, field] = place as readonly [string, string?];
    const schema: z.ZodType = form === 'written' ? written()[unit].nullish() : printed()[unit].optional();
    if (field === undefined) alone[group] = schema.describe(about);
    else (groups[group] ??= {})[field] = schema.describe(about);
  }
  return { groups, alone };
}

/** What is under another name is dropped. */
const CPU = z.string().regex(/^\d{1,5}$/);
const OF_EACH_CPU = 'CPU time of each CPU, by its number';

/** Stats as a foreman may write them. */
export function statsInput() {
  const { groups, alone } = fieldsOf('written');
  const nested = Object.entries(groups).map(([name, fields]) => [name, z.looseObject(fields).nullish()]);
  const cpu = z.looseObject({ usage: written().duration.nullish() }).nullish();
  return z
    .looseObject({
      ...(Object.fromEntries(nested) as Record<string, z.ZodType>),
      cpus: z.looseRecord(CPU, cpu).nullish().describe(OF_EACH_CPU),
      ...alone,
    })
    .meta({ id: 'StatsInput', description: 'What was measured. What is unknown or null is as if it were not there.' });
}

/** Stats as the grid prints them: every group of the original is there, a measurement the kernel could not give is absent. */
export function statsPrinted() {
  const { groups, alone } = fieldsOf('printed');
  const nested = Object.entries(groups).map(([name, fields]) => {
    const group = z.object(fields);
    return [name, OWN_GROUPS.includes(name) ? group.optional() : group];
  });
  return z
    .object({
      ...(Object.fromEntries(nested) as Record<string, z.ZodType>),
      cpus: z.looseRecord(CPU, z.object({ usage: printed().duration })).describe(OF_EACH_CPU),
      ...alone,
      gpus: z.object({}).describe('nothing yet'),
    })
    .meta({ id: 'Stats', description: 'What was measured. A measurement the kernel cannot give is absent, never 0.' });
}
