import type { ClientState } from 'signal-client'
import type { Ended } from './call.js'
import type { CallState } from './call-state.js'
import { anyCamera, type Camera } from './camera.js'

const states: Record<ClientState, string> = {
  connecting: 'connecting',
  connected: 'connected',
  disconnected: 'out of reach, trying again',
  closed: 'camera off: nobody sees you here',
}

const endings: Record<Ended, (name: string) => string> = {
  'hung up': (name) => `The call with ${name} is over`,
  declined: (name) => `${name} does not take the call`,
  busy: (name) => `${name} is in another call`,
  'no answer': (name) => `No answer: the call with ${name} was not taken`,
  gone: (name) => `${name} has left`,
  lost: (name) => `The connection with ${name} was lost`,
  'not reached': (name) => `${name} could not be reached`,
}

const noticeTime = 6_000

/** Finds an element of the page by its id. */
export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}.`)
  return found as E
}

/** Shows where the page stands with the server. */
export function showState(state: ClientState, trouble?: string): void {
  element('state').textContent = trouble ?? states[state]
  element('state').dataset.state = state
  element('state').classList.toggle('trouble', trouble !== undefined)
}

/**
 * Lists who is there.
 * @param call - rings at one of them
 */
export function showPeople(people: ReadonlyMap<string, string>, call: (id: string) => void): void {
  const sorted = [...people].sort(([, a], [, b]) => a.localeCompare(b))
  element('people').replaceChildren(
    ...sorted.map(([id, name]) => {
      const line = document.createElement('li')
      const label = document.createElement('span')
      label.textContent = name
      const button = document.createElement('button')
      button.className = 'call'
      button.textContent = 'Call'
      button.setAttribute('aria-label', `Call ${name}`)
      button.addEventListener('click', () => call(id))
      line.dataset.id = id
      line.append(avatar(id, name), label, button)
      return line
    }),
  )
  document.body.classList.toggle('alone', people.size === 0)
}

export function showCameras(cameras: readonly Camera[], chosen: string): void {
  const select = element<HTMLSelectElement>('camera')
  const off = new Option('Off', '')
  const known = cameras.some(({ id }) => id === chosen)
  select.replaceChildren(off, ...cameras.map(({ id, label }) => new Option(label, id)))
  document.body.classList.toggle('several-cameras', cameras.length > 1)
  // one that was chosen before cameras had names
  select.value = known ? chosen : chosen && cameras[0] ? cameras[0].id : ''
  if (chosen === anyCamera && cameras.length === 0) select.append(new Option('Camera', anyCamera))
}

export function showOwn(stream: MediaStream | undefined): void {
  const mine = element<HTMLVideoElement>('mine')
  mine.srcObject = stream ?? null
  document.body.dataset.camera = stream ? 'on' : 'off'
}

export function showOther(stream: MediaStream): void {
  element<HTMLVideoElement>('theirs').srcObject = stream
}

/** @param name - of the other side, where there is one */
export function showCall(state: CallState, name: string): void {
  document.body.dataset.call = state.is
  const incoming = element<HTMLDialogElement>('incoming')
  if (state.is === 'ringing') {
    element('caller').textContent = name
    if (!incoming.open) incoming.showModal()
  } else if (incoming.open) {
    incoming.close()
  }
  element('status').textContent = state.is === 'calling' ? `Calling ${name}…` : name
  if (state.is === 'idle') element<HTMLVideoElement>('theirs').srcObject = null
  // what is still shown was about another call
  else hideNotice()
  document.title = state.is === 'ringing' ? `📞 ${name} is calling` : 'Video call'
}

export function showEnding(why: Ended, name: string): void {
  showNotice(endings[why](name))
}

let noticeTimer: number | undefined

export function showNotice(text: string): void {
  const notice = element('notice')
  notice.textContent = text
  notice.classList.add('shown')
  window.clearTimeout(noticeTimer)
  noticeTimer = window.setTimeout(hideNotice, noticeTime)
}

function hideNotice(): void {
  element('notice').classList.remove('shown')
}

function avatar(id: string, name: string): HTMLElement {
  const circle = document.createElement('i')
  const words = name.split(/\s+/).filter(Boolean)
  circle.textContent = words
    .map((word) => [...word][0]!.toUpperCase())
    .slice(0, 2)
    .join('')
  let hue = 0
  for (const letter of id) hue = (hue * 31 + letter.charCodeAt(0)) % 360
  circle.style.setProperty('--hue', String(hue))
  circle.setAttribute('aria-hidden', 'true')
  return circle
}
