import type { Ends } from '../target.js'
import { Bystanders } from './bystanders.js'
import { visitAll } from './newcomers.js'

// Bystanders and newcomers in a process of their own, so that what they wait for is the server, and
// not the load that a campaign makes.

const ends = JSON.parse(process.argv[2]!) as {
  bystanders: Ends
  newcomers: Ends
}
const bystanders = await Bystanders.meet(ends.bystanders)
bystanders.start()
process.on('message', (question) => {
  if (question === 'waits') {
    process.send?.({ waits: bystanders.longest(), faults: bystanders.faults.splice(0) })
  } else if (question === 'newcomers') {
    void visitAll(ends.newcomers).then((welcomes) => process.send?.({ welcomes }))
  }
})
process.on('disconnect', () => process.exit(0))
process.send?.({ met: true })
