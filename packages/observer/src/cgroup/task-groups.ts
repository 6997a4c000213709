/** Where the groups of tasks are: made by hand, or slices of systemd. One place, for all who make or recognise them. */
import path from 'node:path';

const GRID = '/kolejka';
/** systemd makes a level of each dash: `kolejka-<run>.slice` is in `kolejka.slice`. */
const SLICES = '/kolejka.slice';
const SLICE = /^kolejka-[^-]+\.slice$/;

/** Groups whose groups are those of tasks. */
export const GROUPS_OF_TASKS = [GRID, SLICES] as const;

/** Sessions of processes outside of tasks. */
export const OUTSIDE = `${GRID}/observer`;

/** Path of a run's task group, made by hand. */
export const plainTaskPath = (run: string) => `${GRID}/${run}`;

/** Path of a run's task group as a slice. @param run has no dash */
export const sliceTaskPath = (run: string) => `${SLICES}/kolejka-${run}.slice`;

/** The task group that a group is or is in, or undefined. */
export function findTask(group: string): string | undefined {
  const [, grid, name = ''] = group.split('/');
  const task = `/${grid}/${name}`;
  const isTask = `/${grid}` === SLICES ? SLICE.test(name) : `/${grid}` === GRID && name !== '' && task !== OUTSIDE;
  return isTask ? task : undefined;
}

/** Name of the slice that a group is; undefined for every other group. */
export function sliceName(group: string): string | undefined {
  const name = path.basename(group);
  return path.dirname(group) === SLICES && SLICE.test(name) ? name : undefined;
}
