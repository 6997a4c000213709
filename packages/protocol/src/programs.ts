/** The programs of the grid, and the commands that start them. */
export const PROGRAMS = {
  /** The server keeps blobs, tasks, results and the queue. @word server */
  server: 'kolejka-server',
  /** A client hands in tasks and takes their results. @word client */
  client: 'kolejka-client',
  /** A foreman governs one node: it takes tasks within its budget and runs workers. @word foreman */
  foreman: 'kolejka-foreman',
  /** A worker runs one task in one container. @word worker */
  worker: 'kolejka-worker',
  /** The observer accounts for and limits groups of processes on a node. @word observer */
  observer: 'kolejka-observer',
} as const;

export type ProgramName = keyof typeof PROGRAMS;
