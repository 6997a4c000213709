/** What a guest is to do, as a script that its `tests.sh` reads. */
import type { Suite, Tests } from './suites.ts';

/**
 * Begins the line of a guest's report that names what comes next, the one that says how ava ended, and the one that says
 * what crashed and that ava is run once more.
 */
export const NAME_MARK = '#: ';
export const STATUS_MARK = '#? ';
export const AGAIN_MARK = '#! ';

/** @param all also what is not essential */
export function printPlan({ name, init, tests }: Suite, all: boolean): string {
  const lines = tests.map((each) => {
    const title = each.engine === 'docker' ? name : `${name}, ${each.engine}`;
    return ['run', each.engine, quote(title), ...avaArguments(each, all).map(quote)].join(' ');
  });
  return `CGROUP_DRIVER=${init === 'systemd' ? 'systemd' : 'cgroupfs'}\nexport CGROUP_DRIVER\n${lines.join('\n')}\n`;
}

function avaArguments({ files, essential }: Tests, all: boolean): string[] {
  return [...files, ...(all ? [] : (essential ?? []).map((title) => `--match=${title}`))];
}

const quote = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
