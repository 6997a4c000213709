#define MAX_WORDS 256
#define MAX_LENGTH 32

struct word {
  char text[MAX_LENGTH];
  int count;
};

struct words {
  struct word list[MAX_WORDS];
  int distinct;
  int total;
};

/* Counts one more occurrence of the word; 0 when there is no room for another distinct one. */
int count_word(struct words *words, const char *text);

/* The word counted most often, the earliest of several; NULL when there is none. */
const struct word *most_frequent(const struct words *words);
