import { defineConfig } from 'vitest/config';

// Against a real server: CHATD names the program, bin/chatd of this repository when absent.
export default defineConfig({
  test: { include: ['test/real/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000, fileParallelism: false },
});
