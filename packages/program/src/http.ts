/**
 * Node's HTTP, without its fetch. `import … from 'node:http'` reads every name of that module, `WebSocket` among them,
 * for which Node loads all of its fetch: 13 MB of memory that a program keeps for nothing. `npm run check` holds that
 * no source of ours does.
 */
export const { Agent, createServer, request } = process.getBuiltinModule('node:http');
export type Agent = InstanceType<typeof Agent>;
