/**
 * Which tests run in which guest. They are the tests of the packages, the same text as on this machine: those that
 * depend on the version of control groups, on who makes them, or on the engine.
 *
 * An emulated processor is some twenty times slower than a real one, so there only the essential ones run.
 */

/** One call of ava in a guest. */
export interface Tests {
  engine: 'docker' | 'podman';
  files: readonly string[];
  /** Titles of the essential ones, as ava matches them; undefined: all are. */
  essential?: readonly string[];
}

/** One guest and what runs in it, in order. */
export interface Suite {
  /** Shown before each title. */
  name: string;
  /** Process 1 of the guest, and so who makes the groups of Docker's containers: a shell by hand, or systemd. */
  init: 'shell' | 'systemd';
  tests: readonly Tests[];
}

const GROUPS: Tests = {
  engine: 'docker',
  files: ['packages/observer/test/cgroup/cgroups.test.ts'],
  // Two are left out that are not true in an emulated guest, why is not known: no bytes, and twice the time, are read.
  essential: ['*', '!bytes that a program puts on a disk*', '!events of a group*'],
};

const DAEMON: Tests = {
  engine: 'docker',
  files: ['packages/observer/test/daemon.test.ts', 'packages/observer/test/restart.test.ts'],
  // What depends on the kernel's groups; how requests are read does not.
  essential: [
    'attach moves the caller*',
    'hostile input 45:*',
    'hostile input 46: a session is of no use*',
    'a session ends when its opener*',
    'sessions go on with the next observer after SIGKILL',
    'the client speaks all commands',
    'while a move is to be expected*',
  ],
};

const RUN_TASK = ['packages/worker/test/run-task.test.ts'];
const RUN_TASKS = [
  ...RUN_TASK,
  'packages/worker/test/hostile/memory.test.ts',
  'packages/worker/test/hostile/processes.test.ts',
];

const ESSENTIAL_TASKS = [
  'a program that ends by itself*',
  'hostile input 3, 7:*',
  'hostile input 4:*',
  'hostile input 12:*',
  'a pids limit below*',
  'cpus are a set*',
  'a cancelled task*',
];

const TASKS: Tests = { engine: 'docker', files: RUN_TASKS, essential: [...ESSENTIAL_TASKS, 'hostile input 1, 2:*'] };

/** Without the fork bomb: where systemd makes its group, one that ends at once may end for `exit` (decision 0001). */
const TASKS_IN_SLICES: Tests = { engine: 'docker', files: RUN_TASKS, essential: ESSENTIAL_TASKS };

/** Of an engine that is not Docker: how it starts, ends, waits, streams, and where it puts the container's group. */
const TASKS_OF_PODMAN: Tests = {
  engine: 'podman',
  files: RUN_TASK,
  essential: ['a program that ends by itself*', 'cpus are a set*', 'a cancelled task*'],
};

/** Whether systemd can do with our units what we say of them. That of the foreman, with a server, takes a minute emulated. */
const UNITS: Tests = {
  engine: 'docker',
  files: ['tests/systemd-units.test.ts'],
  essential: ['systemd starts, restarts and stops*'],
};

export const SUITES: readonly Suite[] = [
  { name: 'cgroup v2, cgroupfs', init: 'shell', tests: [GROUPS, DAEMON, TASKS] },
  { name: 'cgroup v2, systemd', init: 'systemd', tests: [GROUPS, UNITS, TASKS_IN_SLICES, TASKS_OF_PODMAN] },
];
