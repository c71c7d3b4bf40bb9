import type { ClientState } from 'signal-client'
import { hue, initials } from './names.js'
import type { Message } from './room.js'

const states: Record<ClientState, string> = {
  connecting: 'connecting',
  connected: 'connected',
  disconnected: 'out of reach, trying again',
  closed: 'closed',
}

const sameAuthorWithin = 5 * 60_000
const mostNotices = 100
const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit' })

/** Finds an element of the page by its id. */
export function element<E extends HTMLElement = HTMLElement>(id: string): E {
  const found = document.getElementById(id)
  if (!found) throw new Error(`The page has no #${id}.`)
  return found as E
}

export function showState(state: ClientState, trouble?: string): void {
  element('state').textContent = trouble ?? states[state]
  element('state').dataset.state = state
}

/** @param own - this visitor's id and name */
export function showPeople(
  own: readonly [string, string],
  others: ReadonlyMap<string, string>,
): void {
  const sorted = [...others].sort(([, a], [, b]) => a.localeCompare(b))
  element('people').replaceChildren(
    ...[own, ...sorted].map(([id, name]) => {
      const line = make('li', '', avatar(id, name))
      const label = make('span', '', name)
      if (id === own[0]) label.append(' ', make('small', '', 'you'))
      line.append(label)
      return line
    }),
  )
  document.body.classList.toggle('alone', others.size === 0)
}

/** There is no room at this address. */
export function showRefusal(): void {
  showState('closed', 'this address names no room')
  showNotice('The name of a room follows the # in the address: #raccoons, say.')
  for (const id of ['compose', 'rename']) element(id).inert = true
}

export function showNotice(text: string): void {
  put(make('li', 'notice', text))
  const notices = element('messages').getElementsByClassName('notice')
  if (notices.length > mostNotices) notices[0]?.remove()
}

/** In the order in which they were said, wherever they come from. */
export function showMessage(message: Message, own: boolean): void {
  const { id, author, name, text, at } = message
  const said = isFinite(new Date(at).getTime()) ? clock.format(at) : ''
  const line = make('li', own ? 'message own' : 'message', avatar(author, name))
  line.append(make('header', '', own ? said : `${name} · ${said}`), make('p', '', text))
  Object.assign(line.dataset, { id, author, at: String(at) })
  put(
    line,
    lines().find((each) => Number(each.dataset.at) > at),
  )
  join(line)
  join(line.nextElementSibling)
}

export function hideMessage(id: string): void {
  const line = lines().find((each) => each.dataset.id === id)
  const after = line?.nextElementSibling
  line?.remove()
  join(after)
}

/** A line from the same person soon after needs no head of its own. */
function join(line: Element | null | undefined): void {
  if (!(line instanceof HTMLElement)) return
  const before = line.previousElementSibling as HTMLElement | null
  const near = Number(line.dataset.at) - Number(before?.dataset.at) < sameAuthorWithin
  line.classList.toggle('same', near && line.dataset.author === before?.dataset.author)
}

const lines = () => [...element('messages').children] as HTMLElement[]

/** Whether the newest line was in view before what comes in this frame. */
let atEnd: boolean | undefined

function put(line: HTMLElement, before?: HTMLElement): void {
  const list = element('messages')
  if (atEnd === undefined) {
    atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 80
    // looking at the height of each of many lines would take seconds
    requestAnimationFrame(() => {
      if (atEnd) list.scrollTop = list.scrollHeight
      atEnd = undefined
    })
  }
  list.insertBefore(line, before ?? null)
}

function avatar(id: string, name: string): HTMLElement {
  const circle = make('span', 'avatar', initials(name))
  circle.style.setProperty('--hue', String(hue(id)))
  circle.setAttribute('aria-hidden', 'true')
  return circle
}

function make(tag: string, className: string, content: string | Node): HTMLElement {
  const made = document.createElement(tag)
  made.className = className
  made.append(content)
  return made
}
