// Which file may import which, types included: `yarn check` runs it.

/** Folders of the server, below its endpoints. */
const server = '^packages/signal-server/src/'

export default {
  forbidden: [
    {
      name: 'no-circular-files',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-circular-folders',
      severity: 'error',
      scope: 'folder',
      from: {},
      to: { circular: true },
    },
    {
      name: 'the-bus-knows-nothing',
      comment: 'Anybody can write a bus: it carries bytes, and knows nothing of what they mean.',
      severity: 'error',
      from: { path: `${server}bus/` },
      to: { path: '^packages/', pathNot: `${server}bus/` },
    },
    {
      name: 'endpoints-apart',
      comment: 'Introductions and connections meet in signal-server.ts only.',
      severity: 'error',
      from: { path: `${server}introduction/` },
      to: { path: `${server}connection/` },
    },
    {
      name: 'endpoints-apart-too',
      severity: 'error',
      from: { path: `${server}connection/` },
      to: { path: `${server}introduction/` },
    },
    {
      name: 'endpoints-last',
      comment: 'Only what puts a server together knows its endpoints.',
      severity: 'error',
      from: {
        path: server,
        pathNot: `${server}(introduction|connection)/|${server}(index|signal-server)[.]ts$`,
      },
      to: { path: `${server}(introduction|connection)/` },
    },
    {
      name: 'links-are-pure',
      comment: 'Clocks and sockets come through link/host.ts, so that schedules can be walked.',
      severity: 'error',
      from: { path: '^packages/signal-client/src/link/' },
      to: { pathNot: '^packages/signal-client/src/link/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/(dist|node_modules)/' },
  },
}
