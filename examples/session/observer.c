#include "observer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char socket_path[] = "/var/run/kolejka/observer/socket";

static int connect_observer(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, socket_path);
  int connection = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connection < 0) return -1;
  if (connect(connection, (struct sockaddr *)&address, sizeof address) == 0) return connection;
  int reason = errno;
  close(connection);
  errno = reason;
  return -1;
}

static int send_all(int connection, const char *text) {
  for (size_t left = strlen(text); left > 0;) {
    ssize_t sent = write(connection, text, left);
    if (sent < 0) return -1;
    text += sent;
    left -= sent;
  }
  return 0;
}

/* Where the body begins, NULL while the headers are incomplete. */
static char *find_body(char *message) {
  char *end = strstr(message, "\r\n\r\n");
  return end == NULL ? NULL : end + 4;
}

/* An observer that keeps the connection open says how long the body is, one that does not may leave it out. */
static int is_complete(char *message) {
  char *body = find_body(message);
  if (body == NULL) return 0;
  for (char *line = strstr(message, "\r\n"); line + 4 < body; line = strstr(line + 2, "\r\n"))
    if (strncasecmp(line + 2, "Content-Length:", 15) == 0) return strlen(body) >= strtoul(line + 17, NULL, 10);
  return 0;
}

static int receive(int connection, char message[MAX_ANSWER]) {
  size_t length = 0;
  message[0] = '\0';
  while (length < MAX_ANSWER - 1 && !is_complete(message)) {
    ssize_t got = read(connection, message + length, MAX_ANSWER - 1 - length);
    if (got < 0) return -1;
    if (got == 0) break;
    message[length += got] = '\0';
  }
  return 0;
}

int ask_observer(const char *target, const char *body, char answer[MAX_ANSWER]) {
  char request[1024], message[MAX_ANSWER];
  int status = -1;
  snprintf(request, sizeof request,
           "POST %s HTTP/1.1\r\n"
           "Host: observer\r\n"
           "Content-Type: application/json; charset=utf-8\r\n"
           "Content-Length: %zu\r\n"
           "\r\n"
           "%s",
           target, strlen(body), body);
  int connection = connect_observer();
  if (connection < 0) return -1;
  if (send_all(connection, request) == 0 && receive(connection, message) == 0) {
    char *text = find_body(message);
    if (sscanf(message, "HTTP/%*s %d", &status) != 1) errno = EPROTO;
    strcpy(answer, text == NULL ? "" : text);
  }
  close(connection);
  return status;
}

int read_field(const char *json, const char *name, char *value, int size) {
  char key[64];
  snprintf(key, sizeof key, "\"%s\"", name);
  const char *found = strstr(json, key);
  if (found == NULL) return 0;
  found += strlen(key);
  found += strspn(found, " :\t\r\n");
  int length = *found == '"' ? strcspn(found + 1, "\"") : 0;
  if (length == 0 || length >= size) return 0;
  memcpy(value, found + 1, length);
  value[length] = '\0';
  return 1;
}
