import express from 'express'
import { SignalServer } from 'signal-server'
import { videoCallPage } from './video-call-page.js'

const app = express()
app.get('/', (_request, response) => response.redirect('demo/'))
app.use('/demo', videoCallPage())

const signal = new SignalServer()
const { port } = await signal.listen({ port: Number(process.env.PORT ?? 3000), app })
console.log(`🐟 Video calls at http://localhost:${port}/demo/`)
console.log('   Browsers give a page the camera on localhost, and elsewhere only over https.')

for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => void signal.close())
}
