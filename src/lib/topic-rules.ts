/** Which topics MQTT and Mosquitto accept in a publish. */

/** Mosquitto ends the connection at a topic with more than 200 separators. */
const MAX_LEVELS = 200;

/** A topic of these characters needs no closer look: printable ASCII without the wildcards. */
const plainTopic = /^[ -"$-*,-~]+$/;

/** Brokers end the connection at control characters, lone surrogates and non-characters (MQTT 5.0, 1.5.4). */
const unfit = /[\p{Cc}\p{Cs}\p{Noncharacter_Code_Point}]/u;
const plainText = /^[ -~]*$/;

/** Whether a broker refuses a text because of its characters. */
export const isUnfit = (text: string): boolean => !plainText.test(text) && unfit.test(text);

/** Whether a broker accepts the topic in a publish (MQTT 5.0, 4.7). The packet writer checks its length in bytes. */
export function isPublishableTopic(topic: string): boolean {
  if (topic.length < MAX_LEVELS && plainTopic.test(topic)) return true;
  if (topic === '' || isUnfit(topic) || topic.includes('+') || topic.includes('#')) return false;
  return hasLevels(topic, MAX_LEVELS);
}

/** Whether a topic has at most `max` levels. */
export function hasLevels(topic: string, max: number): boolean {
  let at = -1;
  for (let levels = 1; levels <= max; levels++) {
    at = topic.indexOf('/', at + 1);
    if (at < 0) return true;
  }
  return false;
}
