// Preloaded into the command (`node --import`), so that it reports as a campaign's own server does.
import { answerReports } from './probe.js'

answerReports()
process.channel?.unref()
