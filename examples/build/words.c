#include "words.h"

#include <stddef.h>
#include <string.h>

static struct word *find(struct words *words, const char *text) {
  for (int i = 0; i < words->distinct; i++)
    if (strcmp(words->list[i].text, text) == 0) return &words->list[i];
  return NULL;
}

int count_word(struct words *words, const char *text) {
  struct word *word = find(words, text);
  if (word == NULL) {
    if (words->distinct == MAX_WORDS) return 0;
    word = &words->list[words->distinct++];
    strncpy(word->text, text, MAX_LENGTH - 1);
  }
  word->count++;
  words->total++;
  return 1;
}

const struct word *most_frequent(const struct words *words) {
  const struct word *most = NULL;
  for (int i = 0; i < words->distinct; i++)
    if (most == NULL || words->list[i].count > most->count) most = &words->list[i];
  return most;
}
