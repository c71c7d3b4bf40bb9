import { request } from '../clients/plain-http.js'
import type { Random } from '../random.js'
import { password } from '../secrets.js'
import type { Target } from '../target.js'
import type { Storm } from './storm.js'

// What is posted at /app: each form says what it must be answered.

const known = ['app', 'password', 'id', 'keys', 'expiresIn']
const unknown = [
  'expires',
  'expiresin',
  'expires_in',
  'ttl',
  'key',
  'ids',
  '__proto__',
  'appp',
  'exp',
]

/** A field that is none of those that there are. */
const strayField = (random: Random) => random.pick(unknown)

/** A form of known fields and one more. @returns the body, as JSON or as a form */
function strayForm(random: Random, fields: Record<string, string>): readonly [string, string] {
  const stray = [strayField(random), random.pick(['60', '', '0', 'x'])] as const
  const entries = [...Object.entries(fields), stray]
  if (random.chance(0.5)) {
    const json = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    return [`{${json.join(',')}}`, 'application/json']
  }
  const form = entries.map((entry) => entry.map(encodeURIComponent).join('='))
  return [form.join('&'), 'application/x-www-form-urlencoded']
}

const status = (answer: string) => Number(/^HTTP\/1.1 (\d+)/.exec(answer)?.[1])

async function mustBe(
  target: Target,
  wanted: number,
  [method, body, type]: readonly [string, string, string],
): Promise<string[]> {
  const answered = status(await request(target, method, '/app', body, type))
  if (answered === wanted) return []
  const hidden = body.replaceAll(password, '…').replaceAll(encodeURIComponent(password), '…')
  return [`${method} /app answered ${answered}, not ${wanted}, to ${hidden.slice(0, 200)}`]
}

const forms: Storm = {
  name: 'app-forms',
  row: 57,
  async run(target, random) {
    const json = 'application/json'
    const faults: string[] = []
    const form = { app: 'a', password }
    for (let i = 0; i < 5; i++) {
      const [body, type] = strayForm(random, form)
      faults.push(...(await mustBe(target, 400, ['POST', body, type])))
    }
    for (const token of ['nonsense', 'a.b.c', '']) {
      const body = JSON.stringify({ token, password })
      faults.push(...(await mustBe(target, 400, ['DELETE', body, json])))
    }
    const spoilt = {
      ...form,
      [random.pick(known.slice(2))]: random.pick([{}, [[]], true, 'x'.repeat(5)]),
    }
    // whatever it is taken for, it is answered
    await request(target, 'POST', '/app', JSON.stringify(spoilt), json)
    faults.push(...(await mustBe(target, 200, ['POST', JSON.stringify(form), json])))
    return { faults }
  },
}

/** Strangers behind a proxy try more passwords than one address may. */
const wrongPasswords: Storm = {
  name: 'wrong-passwords',
  row: 57,
  async run(target, random) {
    const form = (password: string) => JSON.stringify({ app: 'a', password })
    const post = async (password: string) =>
      status(await request(target, 'POST', '/app', form(password)))
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => post(random.pick(['guess', '', `${password}x`]))),
    )
    const faults: string[] = []
    if (answers.some((answer) => answer !== 401 && answer !== 429)) {
      faults.push(`POST /app answered ${[...new Set(answers)].join(', ')} to wrong passwords.`)
    }
    if (!answers.includes(429)) faults.push('POST /app: 60 wrong passwords were not throttled.')
    const right = await post(password)
    if (right !== 200) faults.push(`POST /app answered ${right} to the right password.`)
    return { faults }
  },
}

export const appForms: readonly Storm[] = [forms, wrongPasswords]
