/** A whole grid on this machine, for programs that want one. */
export { type Grid, type GridOptions, startGrid } from './grid.ts';
