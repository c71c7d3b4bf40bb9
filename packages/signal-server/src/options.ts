import type { IceServer } from 'signal-server-protocol'
import type { TrustProxy } from './address.js'
import type { Authorize } from './authorize.js'
import type { Bus } from './bus/bus.js'

/** How a {@link SignalServer} behaves. Times are in milliseconds, sizes in bytes. */
export interface SignalServerOptions {
  /** Who may come in: see {@link Authorize}. @default everybody */
  authorize?: Authorize
  /** Joins this server with others, so that peers of all of them meet. @default none */
  bus?: Bus | undefined
  /** Origins that browsers may come from (`https://app.example`). @default every origin */
  origins?: readonly string[]
  /** Proxies whose `X-Forwarded-For` is believed, as Express's `trust proxy`. @default false */
  trustProxy?: TrustProxy
  /** STUN and TURN servers that `signal.v1` clients are told of in their Welcome. @default none */
  iceServers?: (() => readonly IceServer[]) | readonly IceServer[]

  /**
   * Sockets in all, and the plain connections of a server that `listen()` makes. If there are so
   * many, a newcomer gets the place of one that does nothing or waits, the oldest first.
   * @default 20000
   */
  maxSockets?: number
  /**
   * Sockets from one address. With `Infinity` an address that is certain to be a client's own (a
   * public one, or one that a trusted proxy tells) gets an eighth of `maxSockets`. An address gets
   * an eighth of registrations, held bytes and seats as well, or as large a part of them as it gets
   * of the sockets, if that is more. @default Infinity
   */
  maxSocketsPerAddress?: number
  /** Upgrades a second from one address. @default Infinity */
  maxUpgradesPerSecond?: number
  /** Whether the limits per address leave loopback alone, as where a local proxy is. @default false */
  exemptLoopback?: boolean
  /**
   * Whether the limits per address leave addresses of a private network alone, unless a proxy that
   * `trustProxy` names tells them: such an address may be that of a proxy. @default false
   */
  exemptUnknownProxies?: boolean
  /**
   * Time for the headers of a request (only for servers that `listen()` makes). The 408 comes when
   * Node next searches for late requests: up to 1 s later, or up to a quarter of this time if that
   * is less.
   * @default 5000
   */
  headersTimeout?: number
  /** Time for `authorize` to answer. @default 5000 */
  authorizeTimeout?: number

  /** Size of an id or key, once decoded, in UTF-8. @default 256 */
  maxKeyBytes?: number
  /** Size of a message on `/introduction`. @default 524288 */
  maxMessageBytes?: number
  /** Keys of one session. @default 5000 */
  maxKeysPerPeer?: number
  /** Peers of one key. @default 1000 */
  maxPeersPerKey?: number
  /**
   * Keys of all sessions together. If there are so many, the largest session is ended (1013) for one
   * that has fewer; a Join that would make its session the largest is refused. Set it lower for a server
   * with a bus and less than 2 GB: a key takes some 2 KB there. @default 500000
   */
  maxRegistrations?: number
  /** Size of an announced info, as JSON. @default 1024 */
  maxInfoBytes?: number
  /** Keys joined or left a second, in one session. @default 100 */
  keysPerSecond?: number
  /** Keys that may be joined or left at once, before the rate counts. @default 6000 */
  keysBurst?: number
  /** Other messages and pings a second, on one socket. @default 20 */
  messagesPerSecond?: number
  /** Other messages and pings at once, before the rate counts. @default 100 */
  messagesBurst?: number
  /** A client that has been slowed for so long without pause is closed (4429). @default 60000 */
  slowedTimeout?: number
  /** Bad messages of one session; the last of them closes it (4400). @default 10 */
  maxBadMessages?: number
  /** Introductions that may queue for a session that does not read them. @default 1048576 */
  maxQueuedBytes?: number

  /** Bytes that a waiting connection may send ahead; then it is not read. @default 262144 */
  maxHeldBytes?: number
  /** How long a connection waits for its reciprocal one. @default 120000 */
  holdTimeout?: number
  /** How long a paired reader may read nothing of what waits for it. @default 120000 */
  stallTimeout?: number
  /** Bytes that wait in one direction of a pipe before its sender is paused. @default 65536 */
  maxPipeBytes?: number
  /** Buffered bytes in all: pipes, queues, and holds, which get half of it. @default 134217728 */
  maxBufferedBytes?: number
  /** Bytes a second through one pipe, both ways together. @default Infinity */
  maxPipeBytesPerSecond?: number
  /** How long a pipe may live. @default Infinity */
  maxPipeTime?: number

  /** A socket is pinged after so much silence. @default 22000 */
  pingInterval?: number
  /** A pinged socket must show life within so much. @default 20000 */
  pongTimeout?: number
  /** How long pipes may go on once `drain()` was called. @default 10000 */
  drainTimeout?: number
  /** How long a closed socket has to answer with its own close frame. @default 5000 */
  closeTimeout?: number
}

/** Every option with its value. */
export type Settings = Required<Omit<SignalServerOptions, 'bus'>> & Pick<SignalServerOptions, 'bus'>

/**
 * One small box (1 vCPU, 512 MB) is what these are made for. Measured with Node 20 on Linux, as
 * resident memory after a collection of garbage; the empty server has 72 MB:
 *
 * | what                               | each                   | one address, an eighth | all      |
 * | ---------------------------------- | ---------------------- | ---------------------- | -------- |
 * | a session without keys             | 13.6 KB                | 34 MB                  | 271 MB   |
 * | a connection that waits            | 11.9 KB                | 30 MB                  | 237 MB   |
 * | a TCP connection that says nothing | 10.3 KB                | 26 MB                  | 206 MB   |
 * | a key of a session                 | 172 bytes, or 249 if   | 16 MB                  | 125 MB   |
 * |                                    | others have it as well |                        |          |
 * | a byte that is held                | 1.05 bytes             | 9 MB (of the half that | 70 MB    |
 * |                                    |                        | may be held)           |          |
 *
 * One address that uses up every limit takes some 60 MB. Eight that use up one limit leave the box
 * room. Eight that use up the sockets, the registrations and the buffered bytes at the same time
 * need some 600 MB, which is more than the box has: a server with eight such enemies needs 1 GB, or
 * half of `maxSockets` and of `maxBufferedBytes`.
 *
 * With a bus, each key is a subscription as well. With `RedisBus` a key of one session takes 975 bytes
 * of heap in all, and 2.1 KB of resident memory right after 60,000 have been joined: all registrations
 * together need more than the box has. There, 100,000 registrations fit.
 */
export const defaults: Settings = {
  // a server on a laptop needs no accounts; the ids and keys are the secret
  authorize: () => true,
  bus: undefined,
  // the pages of a local-first app are anywhere, and no cookie says who a client is
  origins: [],
  // a client that is believed without a proxy chooses its address itself
  trustProxy: false,
  iceServers: [],
  // 271 MB if each is a session; the clients of ten busy apps are some thousands
  maxSockets: 20_000,
  // an importing app knows its clients and its proxies, the library does not; where an address is
  // certain to be a client's own it gets an eighth: 2,500, of which a school or an office has need
  maxSocketsPerAddress: Infinity,
  maxUpgradesPerSecond: Infinity,
  exemptLoopback: false,
  exemptUnknownProxies: false,
  // headers are one packet, and a packet that is lost twice comes within 3 s (RFC 6298 section 2.1)
  headersTimeout: 5_000,
  // one question to the app's own backend
  authorizeTimeout: 5_000,
  // a hash, a UUID or a document URL has less than 100
  maxKeyBytes: 256,
  // a published client's Join of 1,000 keys is 67 KB; ten times that leaves room for long keys
  maxMessageBytes: 512 * 1024,
  // a library of documents; a Join of them all with keys of 64 characters is 335 KB
  maxKeysPerPeer: 5_000,
  // what one peer of a room says goes to all the others: SECURITY.md has the factors
  maxPeersPerKey: 1_000,
  // 125 MB at most, without a bus; one address gets 62,500, which is thirteen sessions with 5,000 documents each
  maxRegistrations: 500_000,
  // a name, a color, a picture's URL; a room of 1,000 gets 1 MB for each Announce
  maxInfoBytes: 1_024,
  // a client that reconnects joins all its keys at once, in one Join per key in two generations
  keysPerSecond: 100,
  keysBurst: 6_000,
  // an offer or an answer of WebRTC with its candidates is some 20 messages: five peers at once
  messagesPerSecond: 20,
  messagesBurst: 100,
  // an honest client that has much to say at its start has said it by then
  slowedTimeout: 60_000,
  // one is a slip; ten say that the client does not speak the protocol
  maxBadMessages: 10,
  // all introductions of ten full rooms; a reader that is behind by more starts again
  maxQueuedBytes: 1024 * 1024,
  // one address gets 8 MiB of the half that may be held: 32 clients that use this up
  maxHeldBytes: 256 * 1024,
  // a phone that wakes up or changes its network has connected again within that
  holdTimeout: 120_000,
  // as long a pause of a reader, such as a dialog of a browser that stops the page
  stallTimeout: 120_000,
  // one read from the kernel is at most this much
  maxPipeBytes: 64 * 1024,
  // a quarter of the box; 2,048 pairs may each have 64 KiB of it
  maxBufferedBytes: 128 * 1024 * 1024,
  // a relay that slows or cuts what works helps nobody; those who pay for bytes set these
  maxPipeBytesPerSecond: Infinity,
  maxPipeTime: Infinity,
  // hosts and proxies cut what is idle for 55 or 60 s; found dead within 45 s
  pingInterval: 22_000,
  pongTimeout: 20_000,
  // Docker kills after 10 s, Heroku and Kubernetes after 30 s
  drainTimeout: 10_000,
  // two round trips of a slow mobile network; the TCP connection is ended then
  closeTimeout: 5_000,
}
