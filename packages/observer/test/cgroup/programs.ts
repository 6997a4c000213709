/** Small programs for groups to hold. Each waits for a line first, so that it is in its group before it works. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const shell = (text: string) => ['sh', '-c', `read go; ${text}`] as const;
const EAT_40 = 'dd if=/dev/zero of=/dev/null bs=40M count=1 2>/dev/null';

export const PROGRAMS = {
  /** Says that it has started; told to begin, uses 200 ms of CPU time, prints how many exactly, and stays. */
  burn: [
    process.execPath,
    '-e',
    `const { readSync } = require('node:fs');
    console.log('started');
    readSync(0, Buffer.alloc(8));
    const begin = process.cpuUsage();
    const used = () => { const { user, system } = process.cpuUsage(begin); return (user + system) / 1000; };
    while (used() < 200);
    console.log(used());
    readSync(0, Buffer.alloc(8));`,
  ],
  /** Says that it has started; told to begin, fills 40 MB of memory, says so, and stays. */
  hold40: [
    process.execPath,
    '-e',
    `const { readSync } = require('node:fs');
    console.log('started');
    readSync(0, Buffer.alloc(8));
    const held = Buffer.alloc(40 * 1024 * 1024, 1);
    console.log('holds');
    readSync(0, Buffer.alloc(8));
    console.log(held.length);`,
  ],
  /** Two programs that want a CPU all the time. */
  burnTwice: shell('for i in 1 2; do while :; do :; done & done; wait'),
  /** Puts 4 MB on the disk, past the page cache, under the name it is given. */
  write4: shell('read file; exec dd if=/dev/zero of="$file" bs=1M count=4 oflag=direct 2>/dev/null'),
  eat40: shell(`exec ${EAT_40}`),
  eat40InChild: shell(`${EAT_40}; echo child $?`),
  fork20: shell('i=0; while [ $i -lt 20 ]; do sleep 0.2 & i=$((i+1)); done'),
  tick: shell('while :; do echo tick; sleep 0.02; done'),
  /** Stops itself. */
  stopped: shell('echo stopping; kill -STOP $$'),
  /** Waits in vfork, which no signal but SIGKILL ends, for a child that never becomes a program. */
  vfork: [
    'perl',
    '-e',
    `<STDIN>; $| = 1;
    use POSIX;
    my $clone = (POSIX::uname())[4] eq 'x86_64' ? 56 : 220;
    syscall($clone, 0x4111, 0, 0, 0, 0) or do { print "child\n"; sleep 1000 while 1; };`,
  ],
  cpus: shell('grep Cpus_allowed_list /proc/self/status'),
  /** Perl goes on when a fork is refused; a shell would give up. */
  forkBomb: ['perl', '-e', '$SIG{$_} = "IGNORE" for qw(TERM INT HUP QUIT CHLD); <STDIN>; while (1) { fork }'],
} as const;

export type ProgramName = keyof typeof PROGRAMS;

/** How a child ended, and the first line it printed. */
interface End {
  status: number | null;
  signal: NodeJS.Signals | null;
  line: string;
}

export interface Child {
  pid: number;
  /** Lets it begin. */
  go(): void;
  /** Lets it begin, ends its input, and waits for its end. @param word the line it is given */
  run(word?: string): Promise<End>;
  /** Waits until it has printed so many lines more; answers the last one. */
  heard(lines: number): Promise<string>;
  ended: Promise<End>;
  end(): void;
}

export function startChild(name: ProgramName): Child {
  const [command, ...args] = PROGRAMS[name];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  const lines: string[] = [];
  let heardOne: (() => void) | undefined;
  createInterface(child.stdout).on('line', (line) => {
    lines.push(line);
    heardOne?.();
  });
  // A child that is killed leaves its input unread.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<End>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => resolve({ status, signal, line: lines[0] ?? '' }));
  });
  return {
    pid: child.pid ?? -1,
    ended,
    go: () => void child.stdin.write('go\n'),
    async run(word = 'go') {
      child.stdin.end(`${word}\n`);
      return ended;
    },
    async heard(count) {
      const wanted = lines.length + count;
      while (lines.length < wanted) {
        const heard = new Promise<undefined>((resolve) => (heardOne = () => resolve(undefined)));
        const end = await Promise.race([heard, ended]);
        if (end !== undefined && lines.length < wanted) throw new Error(`${name} ended: ${JSON.stringify(end)}`);
      }
      return lines[wanted - 1] ?? '';
    },
    end: () => void child.kill('SIGKILL'),
  };
}
