/** `lstask`, `rmtask` and `unassign`, with the names and arguments of the original. */
import { GridError, parseDuration, parseFlag, type State, STATES } from '@kolejka/protocol';
import { type Command, Option } from 'commander';
import type { Wanted } from '../database/task-states.ts';
import { printJson, sayingWhatIsNew, settingsOf, wantsJson, withData, withJson } from './settings.ts';

/** Tasks that are moved in one write: a server beside us waits no longer than a few milliseconds. */
const AT_ONCE = 50;

export function addTaskCommands(program: Command): void {
  withJson(withData(program.command('lstask')))
    .description('print the identifiers of tasks, the newest first')
    .option('--assigned <yes|no>', 'only tasks that a foreman has or had', parseYes)
    .option('--resolved <yes|no>', 'only tasks with a result', parseYes)
    .addOption(new Option('--state <state>', 'only tasks in this state').choices(Object.keys(STATES)))
    .option('--user <name>', "only this user's tasks")
    .action(listTasks);
  withData(program.command('rmtask'))
    .description('remove tasks, with their results; those that are not there are passed over')
    .argument('<task...>', 'identifiers')
    .action(removeTasks);
  withData(program.command('unassign'))
    .description('let tasks wait again that were assigned so long ago and have no result yet')
    .argument('<time>', 'such as 90s, 5M (minutes), 12H', parseTime)
    .action(unassign);
}

async function listTasks(flags: Flags, command: Command): Promise<void> {
  const { withStore } = await import('../accounts/place.ts');
  const { requireUser } = await import('../accounts/users.ts');
  const database = await import('../database/task-states.ts');
  const settings = settingsOf(command);
  const json = wantsJson(command);
  await sayingWhatIsNew(settings, () =>
    withStore(settings, async (store) => {
      const owner =
        flags.user === undefined
          ? undefined
          : await store.read(async (db) => (await requireUser(db, String(flags.user))).id);
      const { assigned, resolved, state } = flags;
      const wanted: Wanted = { owner, assigned, resolved, state };
      for (let cursor: number | null | undefined; cursor !== null; ) {
        const from = cursor;
        const page = await store.read((db) => database.listTasks(db, wanted, { cursor: from, most: 1000 }));
        if (json) printJson(...page.tasks);
        else process.stdout.write(page.tasks.map(({ id }) => `${id}\n`).join(''));
        cursor = page.next;
      }
    }),
  );
}

interface Flags {
  assigned?: boolean;
  resolved?: boolean;
  state?: State;
  user?: string;
}

async function removeTasks(ids: string[], _flags: unknown, command: Command): Promise<void> {
  const { withStore } = await import('../accounts/place.ts');
  const { removeTask } = await import('../database/removal.ts');
  const { findTask } = await import('../database/tasks.ts');
  const settings = settingsOf(command);
  const count = await sayingWhatIsNew(settings, () =>
    withStore(settings, async (store) => {
      let removed = 0;
      for (const id of new Set(ids)) {
        removed += await store.write(async (db) => {
          const row = await findTask(db, id);
          if (row === undefined) return 0;
          await removeTask(db, row, { now: Date.now(), why: 'deleted with kolejka-server rmtask' });
          return 1;
        });
      }
      return removed;
    }),
  );
  if (count > 0) process.stdout.write(`Successfully deleted ${count} tasks\n`);
}

async function unassign(milliseconds: number, _flags: unknown, command: Command): Promise<void> {
  const { withStore } = await import('../accounts/place.ts');
  const { assignedBefore } = await import('../database/tasks.ts');
  const { giveBack } = await import('../queue/leases.ts');
  const settings = settingsOf(command);
  const before = Date.now() - milliseconds;
  const message = 'taken back with kolejka-server unassign';
  const count = await sayingWhatIsNew(settings, () =>
    withStore(settings, async (store) => {
      let unassigned = 0;
      for (let found = AT_ONCE; found === AT_ONCE; unassigned += found) {
        found = await store.write(async (db) => {
          const rows = await assignedBefore(db, before, AT_ONCE);
          for (const row of rows) await giveBack(db, row, Date.now(), { message });
          return rows.length;
        });
      }
      return unassigned;
    }),
  );
  if (count > 0) process.stdout.write(`Successfully unassigned ${count} tasks\n`);
}

/** The original takes any text that is not empty for yes; so do we, but for what means no. */
function parseYes(text: string): boolean {
  return text !== '' && parseFlag(text, 'value');
}

function parseTime(text: string): number {
  const milliseconds = parseDuration(text, 'time');
  if (milliseconds >= 0) return milliseconds;
  throw new GridError('usage', `time: ${JSON.stringify(text)} is less than 0`);
}
