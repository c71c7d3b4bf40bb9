/** @type {import('knip').KnipConfig} */
export default {
  // A type that an exported function speaks of is part of what it says.
  ignoreExportsUsedInFile: { interface: true, type: true },
  workspaces: {
    '.': {
      entry: ['scripts/*.mjs', 'test/**/*.test.ts'],
      project: ['*.{js,ts}', 'scripts/**/*.mjs', 'test/**/*.ts'],
      // Started by their path, so that no shell is needed.
      ignoreDependencies: ['publint', '@arethetypeswrong/cli', 'dependency-cruiser'],
    },
    'packages/*': {
      entry: ['test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
    'packages/signal-client': {
      // The model of links is bundled by name.
      entry: ['test/**/*.test.ts', 'test/links/model/main.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
      // Imported by a program that a test runs in a process of its own.
      ignoreDependencies: ['happy-dom'],
    },
    'packages/signal-server': {
      entry: ['test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
      // The published clients are bundled by name; the oldest one needs cuid and does not list it.
      ignoreDependencies: [
        '@localfirst/relay',
        '@localfirst/relay-client',
        'cevitxe-signal-client',
        'cuid',
      ],
    },
    'packages/signal-video-call': {
      entry: ['src/{index,server}.ts', 'src/page/main.ts', 'test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
    'examples/*': {
      // Pages are bundled by name.
      entry: ['src/*.ts', 'src/page/main.ts', 'test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
    bench: {
      // Processes of their own, started by their path.
      entry: ['src/{main,load/main,contestants/*}.ts', 'test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
    stress: {
      // Processes of their own, started by their path.
      entry: [
        'src/{fuzz,soak,stress}.ts',
        'src/bystanders/main.ts',
        'src/server/{library,cookie-hook,command-probe}.ts',
        'test/**/*.test.ts',
      ],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
    conformance: {
      entry: ['test/**/*.test.ts'],
      project: ['src/**/*.ts', 'test/**/*.ts'],
    },
  },
}
