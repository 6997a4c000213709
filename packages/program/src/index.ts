/** The one door of what each of our programs needs from Node; `./call` and `./serve` stand apart, they are slow to load. */
export * from './clock.ts';
export * from './command-line.ts';
export { parseConfFile } from './conf-file.ts';
export * from './config.ts';
export * from './directory.ts';
export * from './limit-settings.ts';
export * from './log.ts';
export * from './loop.ts';
export * from './printable.ts';
export * from './service-manager.ts';
export * from './shutdown.ts';
export * from './small-heap.ts';
