import type { ClientState, Json } from 'signal-client'
import { Call } from './call.js'
import { anyCamera, cameras, closeCamera, openCamera } from './camera.js'
import { recall, remember } from './remembered.js'
import { Room } from './room.js'
import { parseSaid } from './said.js'
import {
  element,
  showCall,
  showCameras,
  showEnding,
  showNotice,
  showOther,
  showOwn,
  showPeople,
  showState,
} from './view.js'

const nameInput = element<HTMLInputElement>('name')
const cameraSelect = element<HTMLSelectElement>('camera')
const muteButton = element<HTMLButtonElement>('mute')
const remembered = recall()
const chosen = new URLSearchParams(location.hash.slice(1))
let stream: MediaStream | undefined
let outdated = false
let opening = 0
// who has called keeps their name here, even when they are gone
const names = new Map<string, string>()
const nameOf = (id: string) => names.get(id) ?? 'Somebody'

const room = new Room(
  // the server is one level above its page
  new URL('..', location.href),
  `video-call/${chosen.get('room') ?? 'lobby'}`,
  chosen.get('token') ?? undefined,
  {
    people(people) {
      for (const [id, name] of people) names.set(id, name)
      showPeople(people, (id) => void call.start(id))
      if (call.state.is !== 'idle') showCall(call.state, nameOf(call.state.peer))
    },
    left: (id) => call.left(id),
    heard(from, signal) {
      const said = parseSaid(signal)
      // a candidate or description that a browser does not take is no reason to end a call
      if (said) call.hear(from, said).catch((error: Error) => showNotice(error.message))
    },
    state: (state: ClientState, trouble) => showState(state, trouble),
    outdated() {
      outdated = true
      reloadIfOutdated()
    },
  },
)

const call = new Call({
  get ownId() {
    return room.ownId
  },
  get iceServers() {
    return room.iceServers
  },
  get stream() {
    return stream
  },
  say: (to, said) => room.say(to, JSON.parse(JSON.stringify(said)) as Json),
  changed(state) {
    showCall(state, state.is === 'idle' ? '' : nameOf(state.peer))
  },
  seen: showOther,
  ended(peer, why) {
    showEnding(why, nameOf(peer))
    reloadIfOutdated()
  },
})

/** Another version of the server may have another page; a call is not interrupted for it. */
function reloadIfOutdated(): void {
  if (outdated && call.state.is === 'idle') location.reload()
}

/** Turns the camera on, to another one, or off; off means out of the room as well. */
async function useCamera(id: string): Promise<void> {
  const attempt = ++opening
  remembered.camera = id
  remember(remembered)
  if (!id) return leave()
  document.body.dataset.camera = 'starting'
  try {
    const opened = await openCamera(id, () => closeCamera(stream))
    if (attempt !== opening) return closeCamera(opened)
    await call.show(opened)
    closeCamera(stream)
    stream = opened
    // which one any camera is, the browser has decided by now
    remembered.camera = opened.getVideoTracks()[0]?.getSettings().deviceId ?? id
    remember(remembered)
    showOwn(stream)
    showMuted(false)
    room.enter(remembered.name)
    await listCameras()
  } catch (error) {
    if (attempt !== opening) return
    showNotice(`The camera cannot be used: ${error instanceof Error ? error.message : 'unknown'}`)
    remembered.camera = ''
    leave()
    await listCameras()
  }
}

function leave(): void {
  call.hangUp()
  room.leave()
  closeCamera(stream)
  stream = undefined
  showOwn(undefined)
}

async function listCameras(): Promise<void> {
  showCameras(await cameras(), remembered.camera)
}

function showMuted(muted: boolean): void {
  for (const track of stream?.getAudioTracks() ?? []) track.enabled = !muted
  muteButton.setAttribute('aria-pressed', String(muted))
  muteButton.hidden = !stream?.getAudioTracks().length
}

nameInput.value = remembered.name
nameInput.addEventListener('change', () => {
  const name = nameInput.value.trim()
  if (!name) nameInput.value = remembered.name
  if (!name || name === remembered.name) return
  remembered.name = name
  remember(remembered)
  room.rename(name)
})
element('settings').addEventListener('submit', (event) => {
  event.preventDefault()
  nameInput.blur()
})
cameraSelect.addEventListener('change', () => void useCamera(cameraSelect.value))
element('turn-on').addEventListener('click', () => void useCamera(anyCamera))
muteButton.addEventListener('click', () => {
  showMuted(muteButton.getAttribute('aria-pressed') !== 'true')
})
element('flip').addEventListener('click', () => {
  const ids = [...cameraSelect.options].map(({ value }) => value).filter(Boolean)
  const next = ids[(ids.indexOf(cameraSelect.value) + 1) % ids.length]
  if (next) void useCamera(next)
})
element('hang-up').addEventListener('click', () => call.hangUp())
element('accept').addEventListener('click', () => void call.accept())
element('refuse').addEventListener('click', () => call.refuse())
// Escape closes a dialog
element('incoming').addEventListener('cancel', (event) => {
  event.preventDefault()
  call.refuse()
})
window.addEventListener('hashchange', () => location.reload())
window.addEventListener('pagehide', () => call.hangUp())

// Typed as always there; a page that did not come over https has none.
const devices = navigator.mediaDevices as MediaDevices | undefined
if (devices) {
  devices.addEventListener('devicechange', () => void listCameras())
  void listCameras()
  if (remembered.camera) void useCamera(remembered.camera)
  else leave()
} else {
  leave()
  showNotice('Browsers give a page the camera over https only, or on localhost.')
  element<HTMLButtonElement>('turn-on').disabled = true
  cameraSelect.disabled = true
}
