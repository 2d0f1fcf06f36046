import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['{core,frontend,executor,cache,src,test}/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    globalSetup: ['test/support/nothing-left.ts'],
  },
})
