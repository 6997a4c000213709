#define MAX_ANSWER 65536

/*
 * Sends one request with a JSON body to the observer and stores the answer's body.
 * Returns the HTTP status, or -1 with errno set when the observer cannot be reached.
 */
int ask_observer(const char *target, const char *body, char answer[MAX_ANSWER]);

/* Copies the string value of a field of a flat JSON object; 0 when it is not there or does not fit. */
int read_field(const char *json, const char *name, char *value, int size);
