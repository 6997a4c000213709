/** The door of the document of the route table; apart from the main door, programs seldom need it. */
export * from './document.ts';
export * from './fields.ts';
export * from './json-schema.ts';
export type { Operation, Parameter, Response } from './operation.ts';
