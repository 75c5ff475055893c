import { defineConfig } from 'vitest/config'

/** Every order in which two peers can meet takes longer than all the rest: a step of its own in `npm test`. */
const long = process.env.CULVERT_HISTORIES === undefined ? ['test/ike/every-order.test.ts'] : []

/** Unit tests need no privileges and no network; what touches the machine lives in its own project. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/machine/**', 'test/extra/**', 'test/interop/**', 'test/e2e/**', ...long],
          // Reading the modules once and not once a file halves the time; no test may change a module.
          isolate: false,
          // Not a stopwatch: only what hangs is to end. A busy machine takes its time.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'machine',
          include: ['test/machine/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'window',
          include: ['test/e2e/*.test.ts'],
          globalSetup: ['test/e2e/setup.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      // Started by `test/e2e/connect.test.ts` in the namespace of a gateway's client, never by itself.
      {
        test: {
          name: 'window inside',
          include: process.env.CULVERT_SCENARIO === undefined ? [] : ['test/e2e/inside/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'extra',
          include: ['test/extra/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
