/** What a program asked of the kernel, in order, as strace writes it down. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** As `scripts/setup/unpacked-program.mjs` leaves it. */
interface Note {
  program: string;
  /** Directories of libraries that it needs and the machine does not have. */
  libraries: string[];
  missing?: string;
}

const NOTE = path.join(import.meta.dirname, '../../../../.setup/strace.json');
const note = readNote();
/** Why nothing can be traced here, or undefined. */
export const { missing } = note;

function readNote(): Note {
  try {
    return JSON.parse(readFileSync(NOTE, 'utf8')) as Note;
  } catch {
    return { program: '', libraries: [], missing: 'strace was not set up: npm run setup' };
  }
}

const CALLS = 'fsync,fdatasync,write,writev,pwrite64,pwritev,rename,renameat,renameat2,link,linkat,sendto,sendmsg';

/** What a program is to be started by. The process that is started becomes the program; strace looks on from aside. */
export function tracedInto(file: string): string[] {
  const libraries = note.libraries.length === 0 ? [] : ['env', `LD_LIBRARY_PATH=${note.libraries.join(':')}`];
  return [...libraries, note.program, '-D', '-f', '-q', '-y', '-s', '100', '-e', `trace=${CALLS}`, '-o', file];
}

export interface Call {
  name: string;
  /** Arguments as strace prints them; files that are open as `7</path>`. */
  args: string;
  /** Places in the order of all beginnings and ends. Threads are at work at the same time. */
  begun: number;
  done: number;
}

/** strace is slow, and may be far behind. */
const PATIENCE_MS = 60_000;

const LINE = /^(\d+) +(?:<\.\.\. (\w+) resumed>|(\w+)\()(.*)$/;

/** The calls that succeeded, in the order they ended; waits until the program has and all is written. */
export async function readTrace(file: string, pid: number): Promise<Call[]> {
  let text = '';
  const end = new RegExp(`^${pid} +\\+\\+\\+ (exited|killed)`, 'm');
  for (const until = performance.now() + PATIENCE_MS; !end.test(text); await sleep(25)) {
    if (performance.now() > until) throw new Error(`the trace has no end: ${text.slice(-500)}`);
    text = await readFile(file, 'utf8');
  }
  const calls: Call[] = [];
  const open = new Map<string, Call>();
  for (const [place, line] of text.split('\n').entries()) {
    const [, thread = '', resumed, name = '', rest = ''] = LINE.exec(line) ?? [];
    if (thread === '') continue;
    const begun = resumed === undefined ? { name, args: rest, begun: place, done: place } : open.get(thread);
    open.delete(thread);
    if (begun === undefined) continue;
    if (rest.endsWith('<unfinished ...>')) open.set(thread, begun);
    else if (/ = \d+$/.test(rest)) calls.push({ ...begun, done: place });
  }
  return calls;
}
