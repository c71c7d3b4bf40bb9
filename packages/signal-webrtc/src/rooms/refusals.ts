import { Refusal } from '../json/refusal.js'

export const congested = () =>
  new Refusal('rate_limited', 'That peer has not read what was sent to it before.')

export const taken = () =>
  new Refusal('forbidden', 'The room is taken already: type another name, or leave it blank.')
