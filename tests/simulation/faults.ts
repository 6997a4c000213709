/** What goes wrong in a simulated grid: a row each, which begins it and answers how it ends. */
import type { Node, SimulatedGrid } from './grid.ts';
import type { Random } from './random.ts';

interface Fault {
  /** Longest time it lasts, in milliseconds. A lease is 30 s. */
  mostMs: number;
  begin: (grid: SimulatedGrid, random: Random) => (() => unknown) | undefined;
}

export const FAULTS = {
  'a foreman dies': {
    mostMs: 0,
    begin: (grid, random) => {
      anyNode(grid, random).process.kill();
      return undefined;
    },
  },
  'a foreman is frozen': { mostMs: 80_000, begin: (grid, random) => freeze(anyNode(grid, random)) },
  'a node is cut off': {
    mostMs: 80_000,
    begin: (grid, random) => {
      const { link } = anyNode(grid, random);
      link.cut = true;
      return () => (link.cut = false);
    },
  },
  'messages are lost, doubled and late': {
    mostMs: 60_000,
    begin: (grid, random) => {
      const { link } = anyNode(grid, random);
      Object.assign(link, { lossy: random.between(0.05, 0.5), delayMs: random.between(100, 15_000) });
      return () => Object.assign(link, { lossy: 0, delayMs: 50 });
    },
  },
  'the server dies': {
    mostMs: 40_000,
    begin: (grid) => {
      if (grid.server === undefined) return undefined;
      void grid.time.during(grid.crashServer());
      return () => grid.startServer();
    },
  },
  'the server is frozen': {
    mostMs: 60_000,
    begin: (grid) => (grid.server === undefined ? undefined : freeze(grid.server)),
  },
  "the server's calendar is set": {
    mostMs: 0,
    begin: (grid, random) => {
      if (grid.server !== undefined) grid.server.process.calendar += random.between(-3_600_000, 3_600_000);
      return undefined;
    },
  },
  "the server's disk is full": {
    mostMs: 60_000,
    begin: ({ serverFaults }) => {
      serverFaults.diskFull = true;
      return () => (serverFaults.diskFull = false);
    },
  },
  "a node's disk is full": {
    mostMs: 60_000,
    begin: (grid, random) => {
      const { disk } = anyNode(grid, random);
      disk.isFull = true;
      return () => (disk.isFull = false);
    },
  },
  "a node's engine is away": {
    mostMs: 60_000,
    begin: (grid, random) => {
      const { faults } = anyNode(grid, random);
      faults.engineAway = true;
      return () => (faults.engineAway = false);
    },
  },
} as const satisfies Record<string, Fault>;

export const FAULT_NAMES = Object.keys(FAULTS) as [keyof typeof FAULTS, ...(keyof typeof FAULTS)[]];

function anyNode({ nodes }: SimulatedGrid, random: Random): Node {
  return random.pick(nodes as [Node, ...Node[]]);
}

function freeze({ process }: Pick<Node, 'process'>): () => void {
  process.freeze();
  return () => process.thaw();
}
