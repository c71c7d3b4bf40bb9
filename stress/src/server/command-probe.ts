// Preloaded into the command (`node --import`), so that it reports as a campaign's own server does.
import { answerReports } from './probe.js'

answerReports()
// a campaign that was killed leaves no server behind
process.once('disconnect', () => process.exit(0))
process.channel?.unref()
