import { anyName } from './names.js'
import { Room } from './room.js'
import {
  element,
  hideMessage,
  showMessage,
  showNotice,
  showPeople,
  showRefusal,
  showState,
} from './view.js'

const nameInput = element<HTMLInputElement>('name')
const textInput = element<HTMLInputElement>('text')

// each room has an address of its own
window.addEventListener('hashchange', () => location.reload())

const room = enter()
if (room) {
  element('room').textContent = room.key
  document.title = `${room.key} · Chat`
  nameInput.value = room.name
  refresh()
} else showRefusal()

/** @returns the room that the address names; undefined where there can be none of that name */
function enter(): Room | undefined {
  try {
    const key = decodeURIComponent(location.hash.slice(1)) || 'lobby'
    const name = sessionStorage.getItem('name') ?? anyName()
    return new Room(new URL('./signal', location.href), key, name, {
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
        showMessage(message, message.author === room?.id)
      },
      forgot: hideMessage,
    })
  } catch (error) {
    console.error(error)
    return undefined
  }
}

function refresh(): void {
  if (room) showPeople([room.id, room.name], room.people)
}

nameInput.addEventListener('change', () => {
  if (!room) return
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
  if (text) room?.say(text)
  textInput.value = ''
})

// the address for phones is known to the server alone
void fetch('./invitation.json')
  .then((response) => response.json())
  .then(({ url }: { url: string }) => {
    element<HTMLAnchorElement>('invitation').href = url + location.hash
    element('invitation').textContent = url + location.hash
  })
