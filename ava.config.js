// Grid tests start real processes and containers; two files at a time is what two cores can carry.
export default {
  files: ['packages/*/test/**/*.test.ts', 'tests/**/*.test.ts'],
  extensions: ['ts'],
  nodeArguments: ['--conditions=kolejka-source'],
  workerThreads: false,
  concurrency: 2,
  // Without news for so long, tests that still run are given up by name. None may set itself a longer time: ava looks
  // once, and when it looks within a time that a test has set, a test that hangs hangs all.
  timeout: '10m',
};
