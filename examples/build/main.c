#include <ctype.h>
#include <stdio.h>

#include "words.h"

/* Reads the next run of letters, in lower case; 0 at the end of the text. */
static int read_word(char text[MAX_LENGTH]) {
  int length = 0, c;
  while ((c = getchar()) != EOF) {
    if (isalpha(c) && length < MAX_LENGTH - 1)
      text[length++] = tolower(c);
    else if (length > 0)
      break;
  }
  text[length] = '\0';
  return length > 0;
}

int main(void) {
  static struct words words;
  char text[MAX_LENGTH];
  while (read_word(text))
    if (!count_word(&words, text)) {
      fprintf(stderr, "more than %d distinct words\n", MAX_WORDS);
      return 1;
    }
  const struct word *most = most_frequent(&words);
  printf("words: %d\n", words.total);
  printf("distinct: %d\n", words.distinct);
  if (most != NULL) printf("most frequent: %s (%d)\n", most->text, most->count);
  return 0;
}
