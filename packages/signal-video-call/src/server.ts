import express from 'express'
import { SignalServer } from 'signal-server'
import { videoCallPage } from './video-call-page.js'

const app = express()
app.get('/', (_request, response) => response.redirect('demo/'))
app.use('/demo', videoCallPage())

const signal = new SignalServer()
const wanted = Number(process.env.PORT ?? 3000)
const { port } = await signal.listen({ port: wanted, app }).catch(({ message }: Error) => {
  console.error(message)
  process.exit(1)
})
console.log(`🐟 Video calls at http://localhost:${port}/demo/`)
console.log('   Browsers give a page the camera on localhost, and elsewhere only over https.')

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void signal.close())
}
