import { fieldPatterns, type TopicPatterns } from '../src/protocol/topic-patterns.ts';
import { Topics } from '../src/protocol/topics.ts';

const { REQUEST_TOPIC, ANSWER_TOPIC, NOTICE_TOPIC } = process.env;

/** The topics of the development system: those of the same settings as the workers'. */
export const topicPatterns: TopicPatterns = {
  request: REQUEST_TOPIC || fieldPatterns.request,
  answer: ANSWER_TOPIC || fieldPatterns.answer,
  notice: NOTICE_TOPIC || fieldPatterns.notice,
};

export const topics = new Topics(topicPatterns);

/** The same as settings of a worker. */
export const topicSettings = {
  REQUEST_TOPIC: topicPatterns.request,
  ANSWER_TOPIC: topicPatterns.answer,
  NOTICE_TOPIC: topicPatterns.notice,
};
