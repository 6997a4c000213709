// Grid tests start real processes and containers; two files at a time is what two cores can carry.
export default {
  files: ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--conditions=kolejka-source'],
  workerThreads: false,
  concurrency: 2,
  timeout: '3m',
};
