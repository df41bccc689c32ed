#include "layers/session.h"
#include "layers/layer.h"
#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

typedef struct holding {
    void *object;
    cn_session **place;
    void (*release)(void *object);
} holding;

typedef struct name_counter {
    char *stem;
    int next; /* number of the next name; 0 is the bare stem */
} name_counter;

struct cn_session {
    holding *held;
    name_counter *counter;
    char **observed;
    int held_count, held_capacity, counter_count, counter_capacity, observed_count, observed_capacity;
};

/* Layers may be taken by a model of another thread than the one that made them. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static holding take_last(cn_session *session)
{
    holding last = {0};
    pthread_mutex_lock(&lock);
    if (session->held_count > 0) {
        last = session->held[--session->held_count];
        *last.place = NULL;
    }
    pthread_mutex_unlock(&lock);
    return last;
}

static void end_session(void *ended)
{
    cn_session *session = ended;
    for (holding last = take_last(session); last.object; last = take_last(session))
        last.release(last.object);
    for (int i = 0; i < session->counter_count; i++)
        cn_release(session->counter[i].stem);
    for (int i = 0; i < session->observed_count; i++)
        cn_release(session->observed[i]);
    cn_release(session->held);
    cn_release(session->counter);
    cn_release(session->observed);
    cn_release(session);
}

static void make_key(void)
{
    pthread_key_create(&key, end_session);
}

static cn_session *session_now(void)
{
    pthread_once(&once, make_key);
    cn_session *session = pthread_getspecific(key);
    if (session)
        return session;
    session = cn_allocate(1, sizeof *session);
    if (session && pthread_setspecific(key, session) != 0) {
        cn_release(session);
        session = NULL;
        cn_fail(CN_MEMORY, "session: the thread has no room for it");
    }
    return session;
}

void cn_clear_session(void)
{
    pthread_once(&once, make_key);
    cn_session *session = pthread_getspecific(key);
    if (!session)
        return;
    pthread_setspecific(key, NULL);
    end_session(session);
}

bool cn_session_hold(void *object, cn_session **place, void (*release)(void *object))
{
    cn_session *session = session_now();
    if (!session)
        return false;
    pthread_mutex_lock(&lock);
    bool room = cn_grow((void **)&session->held, session->held_count, &session->held_capacity, sizeof *session->held);
    if (room) {
        session->held[session->held_count++] = (holding){object, place, release};
        *place = session;
    }
    pthread_mutex_unlock(&lock);
    return room;
}

void cn_session_drop(void *object, cn_session **place)
{
    holding found = {0};
    pthread_mutex_lock(&lock);
    cn_session *session = *place;
    for (int i = session ? session->held_count - 1 : -1; i >= 0; i--) {
        if (session->held[i].object != object)
            continue;
        found = session->held[i];
        memmove(&session->held[i], &session->held[i + 1],
                (size_t)(session->held_count - i - 1) * sizeof *session->held);
        session->held_count--;
        break;
    }
    *place = NULL;
    pthread_mutex_unlock(&lock);
    if (found.object)
        found.release(object);
}

/* Names */

static name_counter *counter_of(cn_session *session, const char *stem)
{
    for (int i = 0; i < session->counter_count; i++)
        if (strcmp(session->counter[i].stem, stem) == 0)
            return &session->counter[i];
    if (!cn_grow((void **)&session->counter, session->counter_count, &session->counter_capacity,
                 sizeof *session->counter))
        return NULL;
    name_counter *counter = &session->counter[session->counter_count];
    *counter = (name_counter){.stem = cn_copy_string(stem)};
    if (!counter->stem)
        return NULL;
    session->counter_count++;
    return counter;
}

static void write_name(char *name, size_t size, const char *stem, int number)
{
    if (number == 0)
        snprintf(name, size, "%s", stem);
    else
        snprintf(name, size, "%s_%d", stem, number);
}

static bool is_observed(const cn_session *session, const char *name)
{
    for (int i = 0; i < session->observed_count; i++)
        if (strcmp(session->observed[i], name) == 0)
            return true;
    return false;
}

char *cn_automatic_name(const char *stem, bool one_based)
{
    cn_session *session = session_now();
    name_counter *counter = session ? counter_of(session, stem) : NULL;
    if (!counter)
        return NULL;
    char name[CN_NAME_TEXT + 16];
    do {
        if (one_based && counter->next == 0)
            counter->next = 1;
        write_name(name, sizeof name, stem, counter->next++);
    } while (is_observed(session, name));
    return cn_copy_string(name);
}

void cn_forget_automatic_name(const char *stem, const char *name)
{
    cn_session *session = session_now();
    name_counter *counter = session ? counter_of(session, stem) : NULL;
    char last[CN_NAME_TEXT + 16];
    if (!counter || counter->next == 0)
        return;
    write_name(last, sizeof last, stem, counter->next - 1);
    if (strcmp(last, name) == 0)
        counter->next--;
}

bool cn_observe_name(const char *name)
{
    cn_session *session = session_now();
    if (!session)
        return false;
    if (is_observed(session, name))
        return true;
    if (!cn_grow((void **)&session->observed, session->observed_count, &session->observed_capacity, sizeof(char *)))
        return false;
    return (session->observed[session->observed_count] = cn_copy_string(name)) && ++session->observed_count;
}

void cn_snake_case(const char *name, char *buffer, size_t size)
{
    size_t used = 0;
    for (const char *c = name; *c && used + 2 < size; c++) {
        if (!isalnum((unsigned char)*c) && *c != '_')
            continue;
        bool upper = isupper((unsigned char)*c);
        bool begins_run = upper && islower((unsigned char)c[1]);
        bool after_lower = upper && c > name && islower((unsigned char)c[-1]);
        if (used > 0 && buffer[used - 1] != '_' && (begins_run || after_lower))
            buffer[used++] = '_';
        buffer[used++] = (char)tolower((unsigned char)*c);
    }
    buffer[used] = '\0';
}

void cn_camel_case(const char *name, char *buffer, size_t size)
{
    size_t used = 0;
    bool upper = true;
    for (const char *c = name; *c && used + 1 < size; c++) {
        if (*c != '_')
            buffer[used++] = upper ? (char)toupper((unsigned char)*c) : *c;
        upper = *c == '_';
    }
    buffer[used] = '\0';
}
