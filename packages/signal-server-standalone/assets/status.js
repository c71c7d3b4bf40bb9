/* global document, EventSource, location */
// The status page's part in the browser: shows what the server says once a second.
const kept = 300
const number = new Intl.NumberFormat('en')
const element = (id) => document.getElementById(id)
const show = (id, text) => {
  const target = element(id)
  if (target.textContent !== text) target.textContent = text
}

let samples = []
let version = ''

/** How many seconds the graph shows: all that there are, in whole minutes. */
const shown = () => Math.min(kept, Math.ceil(Math.max(samples.length, 1) / 60) * 60)
const column = (i) => ((shown() - samples.length + i + 1) / shown()) * 300

/** A path through points of 0 to 1, from left to right; the newest is at the right edge. */
function line(values) {
  return values
    .map((y, i) => `${i === 0 ? 'M' : 'L'}${column(i).toFixed(2)} ${98 - y * 94}`)
    .join('')
}

/** Scaled to the highest of the last five minutes, with room above; nothing lies flat below. */
function scaled(name) {
  // the mean of three seconds is calmer to look at, and is still what went through
  const values = samples.map((_, i) => {
    const near = samples.slice(Math.max(0, i - 2), i + 1)
    return near.reduce((sum, sample) => sum + sample[name], 0) / near.length
  })
  const highest = Math.max(...values, 1)
  return values.map((value) => value / highest)
}

function draw() {
  const bytes = line(scaled('bytes'))
  element('bytes-line').setAttribute('d', bytes)
  element('bytes-area').setAttribute('d', bytes && `${bytes}L300 100L${column(0)} 100Z`)
  element('messages-line').setAttribute('d', line(scaled('messages').map((y) => y * 0.8)))
  show('oldest', `${shown() / 60} min ago`)
}

function size(bytes) {
  const units = ['B', 'KB', 'MB', 'GB']
  let power = 0
  for (; bytes >= 1000 && power < 3; power++) bytes /= 1000
  return `${bytes.toFixed(power > 0 && bytes < 100 ? 1 : 0)} ${units[power]}`
}

function age(seconds) {
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([amount]) => amount > 0)
  const two = first < 0 ? parts.slice(3) : parts.slice(first, first + 2)
  return two.map(([amount, unit]) => `${amount}\u00a0${unit}`).join('\u00a0')
}

function update() {
  const last = samples.at(-1)
  if (!last) return
  for (const name of ['peers', 'keys', 'waiting', 'pipes']) show(name, number.format(last[name]))
  show('bytes', `${size(last.bytes)}/s`)
  show('messages', `${number.format(last.messages)}/s`)
  show('about', `version ${version}, up for ${age(last.uptime)}`)
  const most = (name) => Math.max(...samples.map((sample) => sample[name]))
  show('most-bytes', `at most ${size(most('bytes'))}/s`)
  show('most-messages', `at most ${number.format(most('messages'))}/s`)
  draw()
}

function state(name, text) {
  element('state').className = name
  show('state', text)
}

function listen() {
  const source = new EventSource(`${location.pathname.replace(/\/?$/, '/')}status`)
  source.addEventListener('hello', ({ data }) => {
    ;({ version, samples } = JSON.parse(data))
    state('live', 'live')
    update()
  })
  source.addEventListener('sample', ({ data }) => {
    samples = [...samples, JSON.parse(data)].slice(-kept)
    update()
  })
  source.addEventListener('error', () => {
    state('lost', 'not reached: trying again')
    // a refusal ends an EventSource for good
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 10_000)
  })
}

listen()
