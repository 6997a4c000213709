/** The one door of the words and tables of the grid. */
export * from './access.ts';
export * from './blob.ts';
export * from './budget.ts';
export * from './errors.ts';
export * from './file-name.ts';
export * from './files.ts';
export * from './identifiers.ts';
export * from './life.ts';
export * from './limits.ts';
export * from './programs.ts';
export * from './result.ts';
export * from './routes.ts';
export * from './session.ts';
export * from './shape.ts';
export * from './stats.ts';
export * from './task.ts';
export * from './units.ts';
