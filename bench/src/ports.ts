import { connect, createServer, type AddressInfo } from 'node:net'

/** A port of the loopback interface that nobody listens on now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}

/** Resolves when somebody accepts connections there. */
export function accepting(port: number): Promise<void> {
  return new Promise((resolve) => {
    const tryToConnect = () => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => {
        socket.destroy()
        resolve()
      })
      socket.on('error', () => setTimeout(tryToConnect, 20))
    }
    tryToConnect()
  })
}
