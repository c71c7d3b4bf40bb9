// Preloaded into the command (`node --import`), so that it reports as a campaign's own server does.

// its workers are started with the same arguments, and live as long as their channel
if (process.env['SIGNAL_WORKER'] === undefined) {
  const { answerReports } = await import('./probe.js')
  answerReports()
  // a campaign that was killed leaves no server behind
  process.once('disconnect', () => process.exit(0))
}

export {}
