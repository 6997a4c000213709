/** How a task stands: what lists show of it, and whoever wants to know what became of it. */
import { z } from 'zod';
import { ForemanName, TaskId } from './identifiers.ts';
import { type State, STATES } from './life.ts';

const moment = (about: string) => z.iso.datetime({ precision: 3 }).describe(about);

export const StateName = z.enum(Object.keys(STATES) as [State, ...State[]]);

/** How a task stands, without what is asked in it. */
export const TaskState = z
  .object({
    id: TaskId,
    state: StateName,
    image: z.string(),
    owner: z.string().describe('name of the user who put it'),
    priority: z.int(),
    attempt: z.int().nonnegative().describe('how often it was given to a foreman'),
    losses: z.int().nonnegative().describe('how many of these were not heard of any more'),
    holder: z.string().nullable().describe('name of the user whose foreman has it, or had it last'),
    foreman: ForemanName.nullable().describe('name of that foreman; one of the original has none'),
    running: z.boolean().describe('its program runs'),
    result: z.boolean().describe('there is a result'),
    time_create: moment('when it was put'),
    time_change: moment('when it was moved last'),
    time_assign: moment('when it was given to a foreman last').nullable(),
    time_ready: moment('until when it is held back').nullable(),
    time_expire: moment('when its lease runs out').nullable(),
  })
  .meta({ id: 'TaskState', description: 'How a task stands.' });
export type TaskState = z.infer<typeof TaskState>;
