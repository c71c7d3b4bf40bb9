import { anyName } from './names.js'
import { Room } from './room.js'
import { element, showMessage, showNotice, showPeople, showState } from './view.js'

const nameInput = element<HTMLInputElement>('name')
const textInput = element<HTMLInputElement>('text')
const key = decodeURIComponent(location.hash.slice(1)) || 'lobby'
const name = sessionStorage.getItem('name') ?? anyName()

const room = new Room(new URL('./signal', location.href), key, name, {
  state: showState,
  joined(_id, name) {
    showNotice(`${name} is here`)
    refresh()
  },
  left(_id, name) {
    showNotice(`${name} has left`)
    refresh()
  },
  renamed(_id, name, before) {
    showNotice(`${before} is now ${name}`)
    refresh()
  },
  said(message) {
    showMessage(message, message.author === room.id)
  },
})

function refresh(): void {
  showPeople([room.id, room.name], room.people)
}

element('room').textContent = key
document.title = `${key} · Chat`
nameInput.value = name
refresh()

// each room has an address of its own
window.addEventListener('hashchange', () => location.reload())

nameInput.addEventListener('change', () => {
  const changed = nameInput.value.trim()
  if (!changed) nameInput.value = room.name
  if (!changed || changed === room.name) return
  sessionStorage.setItem('name', changed)
  room.rename(changed)
  refresh()
})

element('rename').addEventListener('submit', (event) => {
  event.preventDefault()
  nameInput.blur()
  textInput.focus()
})

element('compose').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = textInput.value.trim()
  if (text) room.say(text)
  textInput.value = ''
})

// the address for phones is known to the server alone
void fetch('./invitation.json')
  .then((response) => response.json())
  .then(({ url }: { url: string }) => {
    element<HTMLAnchorElement>('invitation').href = url + location.hash
    element('invitation').textContent = url + location.hash
  })
