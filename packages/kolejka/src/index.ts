/** A whole grid on this machine, for programs that want one, and its parts, for those that break it on purpose. */
export { prepareAccounts } from './accounts.ts';
export { type Grid, type GridOptions, startGrid } from './grid.ts';
export { type Program, type ProgramName, programOf, startProgram } from './program.ts';
