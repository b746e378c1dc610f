/* A V4L2 camera for machines without one: a library for LD_PRELOAD that answers for /dev/videoN.
 *
 *   gcc -O2 -shared -fPIC -o fakev4l2.so fakev4l2.c -ldl -lpthread
 *   FAKEV4L2_DIR=folder LD_PRELOAD=./fakev4l2.so python ...
 *
 * What is plugged in is told by files in that folder:
 *   videoN         the camera /dev/videoN is there; its text is "card|bus". Removing it = unplugging:
 *                  every ioctl then gives ENODEV (as uvcvideo does) and open gives ENOENT.
 *   videoN.mjpg    it offers MJPEG: the pictures of this file, over and over
 *   videoN.h264    it offers H.264: the access units of this Annex-B file (each must begin with an
 *                  access unit delimiter), over and over
 *   videoN.hang    no picture comes any more        videoN.busy   another program has it
 *   videoN.slow    its text = milliseconds by which every picture comes late
 *   videoN.depth   it offers only depth maps (Z16), which nobody can record
 *   videoN.controls  its controls, one a line: "number(hex) lowest highest flags(hex)"; a flag 8000
 *                  of our own = it refuses every value. What is set is appended to videoN.set and
 *                  videoN.own as "number(hex) value": what the driver and the camera remember.
 *   videoN.forgets as a stream begins, the camera forgets its controls (videoN.own), the driver not
 * YUYV is always offered (except .depth). The frame number stands in a raw picture's top left corner
 * as 32 blocks of 8x8 pixels, lowest bit first, white = 1.
 *
 * The file descriptor is a memfd, so that mmap of the buffers needs no hook. Sizes and rates are
 * checked as a driver does it: an unknown size becomes the nearest one. A reader that is too slow
 * loses pictures (a gap in the numbers), as with a real camera. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_BUFFERS 8
#define MAX_FD 1024
#define FAIL(e) do { errno = (e); return -1; } while (0)

struct camera {
  int used, width, height, fps, buffers, streaming, blocking;
  uint32_t format, size, sequence;
  char path[256];
  uint8_t *map;                    /* all buffers, one after the other, in the memfd */
  int queue[MAX_BUFFERS], queued;
  double started;
  uint8_t *file;                   /* the whole .mjpg or .h264 file, and where we are in it */
  size_t file_size, file_at;
};

static struct camera cameras[MAX_FD];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int (*real_open)(const char *, int, ...), (*real_openat)(int, const char *, int, ...);
static int (*real_ioctl)(int, unsigned long, ...), (*real_close)(int);

static const struct { int width, height; } SIZES[] = {
  {160, 120}, {320, 240}, {640, 360}, {640, 480}, {1280, 720}};
static const unsigned SIZE_COUNT = sizeof SIZES / sizeof *SIZES;
static const int RATES[] = {30, 25, 15, 10, 5};
static const unsigned RATE_COUNT = sizeof RATES / sizeof *RATES;

__attribute__((constructor)) static void find_real(void) {
  real_open = dlsym(RTLD_NEXT, "open");
  real_openat = dlsym(RTLD_NEXT, "openat");
  real_ioctl = dlsym(RTLD_NEXT, "ioctl");
  real_close = dlsym(RTLD_NEXT, "close");
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void sibling(struct camera *c, const char *suffix, char *out, size_t size) {
  snprintf(out, size, "%s%s", c->path, suffix);
}

static int has(struct camera *c, const char *suffix) {
  char path[300];
  sibling(c, suffix, path, sizeof path);
  return access(path, F_OK) == 0;
}

/* ---- open and close ---- */

static int fake_open(const char *path, int flags) {
  int number;
  char rest[2];
  if (sscanf(path, "/dev/video%d%1s", &number, rest) != 1) return -2; /* not ours */
  const char *folder = getenv("FAKEV4L2_DIR");
  char plug[256];
  snprintf(plug, sizeof plug, "%s/video%d", folder ? folder : "/run/fakecam", number);
  if (access(plug, F_OK)) FAIL(ENOENT);
  int fd = memfd_create("fakev4l2", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  if (fd < 0 || fd >= MAX_FD) FAIL(EMFILE);
  struct camera *c = &cameras[fd];
  memset(c, 0, sizeof *c);
  strcpy(c->path, plug);
  c->width = 640, c->height = 480, c->fps = 30;
  c->format = V4L2_PIX_FMT_YUYV;
  c->size = c->width * c->height * 2;
  c->blocking = !(flags & O_NONBLOCK);
  c->used = 1;
  return fd;
}

static int ours(const char *path) { return !strncmp(path, "/dev/video", 10); }

#define MODE_ARGUMENT                         \
  mode_t mode = 0;                            \
  if (flags & (O_CREAT | O_TMPFILE)) {        \
    va_list rest;                             \
    va_start(rest, flags);                    \
    mode = va_arg(rest, int);                 \
    va_end(rest);                             \
  }

#define HOOK_OPEN(name, extra)                                  \
  int name(const char *path, int flags, ...) {                  \
    MODE_ARGUMENT                                               \
    if (ours(path)) {                                           \
      int fd = fake_open(path, flags);                          \
      if (fd != -2) return fd;                                  \
    }                                                           \
    if (!real_open) find_real();                                \
    return real_open(path, flags | (extra), mode);              \
  }
HOOK_OPEN(open, 0)
HOOK_OPEN(open64, O_LARGEFILE)

#define HOOK_OPENAT(name)                                       \
  int name(int dir, const char *path, int flags, ...) {         \
    MODE_ARGUMENT                                               \
    if (ours(path)) {                                           \
      int fd = fake_open(path, flags);                          \
      if (fd != -2) return fd;                                  \
    }                                                           \
    if (!real_openat) find_real();                              \
    return real_openat(dir, path, flags, mode);                 \
  }
HOOK_OPENAT(openat)
HOOK_OPENAT(openat64)

int close(int fd) {
  if (!real_close) find_real();
  if (fd >= 0 && fd < MAX_FD && cameras[fd].used) {
    struct camera *c = &cameras[fd];
    c->used = 0;
    if (c->map) munmap(c->map, (size_t)c->size * c->buffers);
    free(c->file);
  }
  return real_close(fd);
}

/* ---- pictures ---- */

static void load(struct camera *c, const char *suffix) {
  char path[300];
  sibling(c, suffix, path, sizeof path);
  FILE *f = fopen(path, "rb");
  if (!f) return;
  fseek(f, 0, SEEK_END);
  c->file_size = ftell(f);
  rewind(f);
  c->file = malloc(c->file_size);
  c->file_size = fread(c->file, 1, c->file_size, f);
  fclose(f);
}

/* Where the piece that begins at `from` ends: after an EOI marker, or before the next delimiter. */
static size_t piece_end(struct camera *c, size_t from) {
  const uint8_t *b = c->file;
  if (c->format == V4L2_PIX_FMT_MJPEG) {
    for (size_t e = from + 2; e <= c->file_size; e++)
      if (b[e - 2] == 0xff && b[e - 1] == 0xd9) return e;
  } else {
    for (size_t e = from + 5; e + 5 <= c->file_size; e++)
      if (!b[e] && !b[e + 1] && !b[e + 2] && b[e + 3] == 1 && (b[e + 4] & 31) == 9) return e;
  }
  return c->file_size;
}

static uint32_t next_piece(struct camera *c, uint8_t *out) {
  if (!c->file) load(c, c->format == V4L2_PIX_FMT_MJPEG ? ".mjpg" : ".h264");
  if (!c->file_size) return 0;
  size_t from = c->file_at, end = piece_end(c, from);
  uint32_t used = end - from > c->size ? c->size : end - from;
  memcpy(out, c->file + from, used);
  c->file_at = end >= c->file_size ? 0 : end;
  return used;
}

static uint32_t draw(struct camera *c, uint8_t *out) {
  for (int y = 0; y < c->height; y++)
    for (int x = 0; x < c->width; x++) {
      uint8_t *pixel = out + ((size_t)y * c->width + x) * 2;
      pixel[0] = (uint8_t)(((x + c->sequence * 4) & 127) + 64);
      pixel[1] = x & 1 ? 90 : 160;
    }
  for (int bit = 0; bit < 32 && (bit + 1) * 8 <= c->width; bit++)
    for (int y = 0; y < 8; y++)
      for (int x = 0; x < 8; x++) {
        uint8_t *pixel = out + ((size_t)y * c->width + bit * 8 + x) * 2;
        pixel[0] = c->sequence >> bit & 1 ? 235 : 16;
        pixel[1] = 128;
      }
  return (uint32_t)c->width * c->height * 2;
}

/* ---- ioctls ---- */

static int query(struct camera *c, struct v4l2_capability *a) {
  char text[128] = "Fake UVC camera", *bus = "usb-0000:00:14.0-1";
  FILE *f = fopen(c->path, "r");
  if (f) {
    if (fgets(text, sizeof text, f)) text[strcspn(text, "\n")] = 0;
    fclose(f);
  }
  char *bar = strchr(text, '|');
  if (bar) *bar = 0, bus = bar + 1, bus[strcspn(bus, "|")] = 0;
  memset(a, 0, sizeof *a);
  strcpy((char *)a->driver, "uvcvideo");
  snprintf((char *)a->card, sizeof a->card, "%.31s", text);
  snprintf((char *)a->bus_info, sizeof a->bus_info, "%.31s", bus);
  a->version = 0x060100;
  a->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
  a->capabilities = a->device_caps | V4L2_CAP_DEVICE_CAPS;
  return 0;
}

static unsigned offered(struct camera *c, uint32_t *formats) {
  unsigned n = 0;
  if (has(c, ".depth")) {
    formats[n++] = V4L2_PIX_FMT_Z16;
    return n;
  }
  formats[n++] = V4L2_PIX_FMT_YUYV;
  if (has(c, ".mjpg")) formats[n++] = V4L2_PIX_FMT_MJPEG;
  if (has(c, ".h264")) formats[n++] = V4L2_PIX_FMT_H264;
  return n;
}

static int enum_format(struct camera *c, struct v4l2_fmtdesc *a) {
  uint32_t formats[4];
  if (a->type != V4L2_BUF_TYPE_VIDEO_CAPTURE || a->index >= offered(c, formats)) FAIL(EINVAL);
  a->pixelformat = formats[a->index];
  a->flags = a->pixelformat == V4L2_PIX_FMT_YUYV ? 0 : V4L2_FMT_FLAG_COMPRESSED;
  snprintf((char *)a->description, sizeof a->description, "%.4s", (char *)&a->pixelformat);
  return 0;
}

static int enum_size(struct v4l2_frmsizeenum *a) {
  if (a->index >= SIZE_COUNT) FAIL(EINVAL);
  a->type = V4L2_FRMSIZE_TYPE_DISCRETE;
  a->discrete.width = SIZES[a->index].width;
  a->discrete.height = SIZES[a->index].height;
  return 0;
}

static int enum_rate(struct v4l2_frmivalenum *a) {
  if (a->index >= RATE_COUNT) FAIL(EINVAL);
  a->type = V4L2_FRMIVAL_TYPE_DISCRETE;
  a->discrete.numerator = 1;
  a->discrete.denominator = RATES[a->index];
  return 0;
}

static void adjust(struct camera *c, struct v4l2_format *f) {
  struct v4l2_pix_format *p = &f->fmt.pix;
  unsigned best = 0, count;
  long nearest = 1L << 60;
  uint32_t formats[4], wanted = p->pixelformat;
  for (unsigned i = 0; i < SIZE_COUNT; i++) {
    long far = labs((long)p->width - SIZES[i].width) + labs((long)p->height - SIZES[i].height);
    if (far < nearest) nearest = far, best = i;
  }
  p->width = SIZES[best].width, p->height = SIZES[best].height;
  count = offered(c, formats);
  p->pixelformat = formats[0];
  for (unsigned i = 0; i < count; i++)
    if (formats[i] == wanted) p->pixelformat = wanted;
  p->field = V4L2_FIELD_NONE;
  p->bytesperline = p->pixelformat == V4L2_PIX_FMT_YUYV ? p->width * 2 : 0;
  p->sizeimage = p->width * p->height * 2;
  p->colorspace = V4L2_COLORSPACE_SRGB;
}

static int set_format(struct camera *c, struct v4l2_format *f) {
  if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) FAIL(EINVAL);
  if (c->buffers || has(c, ".busy")) FAIL(EBUSY);
  adjust(c, f);
  c->width = f->fmt.pix.width, c->height = f->fmt.pix.height;
  c->format = f->fmt.pix.pixelformat, c->size = f->fmt.pix.sizeimage;
  return 0;
}

static int get_format(struct camera *c, struct v4l2_format *f) {
  if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) FAIL(EINVAL);
  memset(&f->fmt, 0, sizeof f->fmt);
  f->fmt.pix.width = c->width, f->fmt.pix.height = c->height, f->fmt.pix.pixelformat = c->format;
  adjust(c, f);
  return 0;
}

static int parameters(struct camera *c, struct v4l2_streamparm *a, int set) {
  struct v4l2_fract *t = &a->parm.capture.timeperframe;
  if (set && t->numerator) c->fps = t->denominator / t->numerator;
  if (c->fps < 1 || c->fps > 60) c->fps = 30;
  a->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
  t->numerator = 1, t->denominator = c->fps;
  return 0;
}

static int request_buffers(int fd, struct camera *c, struct v4l2_requestbuffers *a) {
  if (a->memory != V4L2_MEMORY_MMAP) FAIL(EINVAL);
  if (has(c, ".busy")) FAIL(EBUSY);
  if (c->map) munmap(c->map, (size_t)c->size * c->buffers), c->map = NULL;
  if (a->count > MAX_BUFFERS) a->count = MAX_BUFFERS;
  c->buffers = a->count, c->queued = 0;
  a->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
  if (!c->buffers) return 0;
  c->size = (c->size + 4095) & ~4095u;
  if (ftruncate(fd, (off_t)c->size * c->buffers)) return -1;
  c->map = mmap(NULL, (size_t)c->size * c->buffers, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return 0;
}

static int query_buffer(struct camera *c, struct v4l2_buffer *a) {
  if ((int)a->index >= c->buffers) FAIL(EINVAL);
  a->length = c->size;
  a->m.offset = a->index * c->size;
  a->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  return 0;
}

static int queue_buffer(struct camera *c, struct v4l2_buffer *a) {
  if ((int)a->index >= c->buffers || c->queued >= MAX_BUFFERS) FAIL(EINVAL);
  c->queue[c->queued++] = a->index;
  return 0;
}

static double due_time(struct camera *c) {
  char path[300];
  int late_ms = 0;
  sibling(c, ".slow", path, sizeof path);
  FILE *f = fopen(path, "r");
  if (f) {
    if (fscanf(f, "%d", &late_ms) != 1) late_ms = 0;
    fclose(f);
  }
  double due = c->started + (c->sequence + 1.0) / c->fps + late_ms / 1e3, behind = now() - due;
  if (behind > 4.0 / c->fps) { /* the buffers were full: pictures are lost */
    uint32_t lost = behind * c->fps;
    c->sequence += lost;
    due += lost / (double)c->fps;
  }
  return due;
}

static int dequeue(struct camera *c, struct v4l2_buffer *a) {
  if (!c->streaming) FAIL(EINVAL);
  double due = due_time(c);
  for (;;) {
    if (!has(c, "")) FAIL(ENODEV);
    if (!has(c, ".hang") && c->queued && now() >= due) break;
    if (!c->blocking) FAIL(EAGAIN);
    double wait = due - now();
    if (wait < .001) wait = .005;
    if (wait > .05) wait = .05;
    struct timespec t = {0, wait * 1e9};
    pthread_mutex_unlock(&lock);
    nanosleep(&t, NULL);
    pthread_mutex_lock(&lock);
    if (!c->used) FAIL(EBADF);
  }
  int index = c->queue[0];
  memmove(c->queue, c->queue + 1, --c->queued * sizeof *c->queue);
  uint8_t *out = c->map + (size_t)index * c->size;
  a->bytesused = c->format == V4L2_PIX_FMT_YUYV ? draw(c, out) : next_piece(c, out);
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  a->index = index, a->length = c->size, a->m.offset = index * c->size;
  a->sequence = c->sequence++;
  a->field = V4L2_FIELD_NONE;
  a->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
  a->timestamp.tv_sec = t.tv_sec, a->timestamp.tv_usec = t.tv_nsec / 1000;
  return 0;
}

static int input(struct v4l2_input *a) {
  if (a->index) FAIL(EINVAL);
  memset(a, 0, sizeof *a);
  strcpy((char *)a->name, "Camera 1");
  a->type = V4L2_INPUT_TYPE_CAMERA;
  return 0;
}

/* Finds the control in the file; 0 if there is none. */
static int control(struct camera *c, uint32_t number, int *low, int *high, uint32_t *flags) {
  char path[300];
  uint32_t found;
  int there = 0;
  sibling(c, ".controls", path, sizeof path);
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  while (!there && fscanf(f, "%x %d %d %x", &found, low, high, flags) == 4) there = found == number;
  fclose(f);
  return there;
}

static int query_control(struct camera *c, struct v4l2_queryctrl *a) {
  int low, high;
  uint32_t flags;
  if (!control(c, a->id, &low, &high, &flags)) FAIL(EINVAL);
  a->type = V4L2_CTRL_TYPE_INTEGER;
  a->minimum = low, a->maximum = high, a->step = 1, a->default_value = low, a->flags = flags;
  return 0;
}

/* ".set" is what the driver was told, ".own" what the camera has not forgotten of it. */
static int note(struct camera *c, const char *suffix, struct v4l2_control *a) {
  char path[300];
  sibling(c, suffix, path, sizeof path);
  FILE *f = fopen(path, "a");
  if (!f) return -1;
  fprintf(f, "%x %d\n", a->id, a->value);
  return fclose(f);
}

static int set_control(struct camera *c, struct v4l2_control *a) {
  int low, high;
  uint32_t flags;
  if (!control(c, a->id, &low, &high, &flags)) FAIL(EINVAL);
  if (a->value < low || a->value > high) FAIL(ERANGE);
  if (flags & 0x8000) FAIL(EIO);
  if (note(c, ".set", a) || note(c, ".own", a)) FAIL(EIO);
  return 0;
}

/* What was set last; the lowest before that. */
static int get_control(struct camera *c, struct v4l2_control *a) {
  char path[300];
  int low, high, value;
  uint32_t flags, number;
  if (!control(c, a->id, &low, &high, &flags)) FAIL(EINVAL);
  a->value = low;
  sibling(c, ".set", path, sizeof path);
  FILE *f = fopen(path, "r");
  if (!f) return 0;
  while (fscanf(f, "%x %d", &number, &value) == 2)
    if (number == a->id) a->value = value;
  fclose(f);
  return 0;
}

static int begin_stream(struct camera *c) {
  char path[300];
  c->streaming = 1, c->started = now(), c->sequence = 0;
  sibling(c, ".own", path, sizeof path);
  if (has(c, ".forgets")) unlink(path); /* the driver goes on naming what it was told */
  return 0;
}

static int answer(int fd, struct camera *c, unsigned long request, void *a) {
  if (!has(c, "")) FAIL(ENODEV);
  switch ((uint32_t)request) {
  case (uint32_t)VIDIOC_QUERYCAP: return query(c, a);
  case (uint32_t)VIDIOC_ENUMINPUT: return input(a);
  case (uint32_t)VIDIOC_G_INPUT: *(int *)a = 0; return 0;
  case (uint32_t)VIDIOC_S_INPUT: if (*(int *)a) FAIL(EINVAL); return 0;
  case (uint32_t)VIDIOC_ENUM_FMT: return enum_format(c, a);
  case (uint32_t)VIDIOC_ENUM_FRAMESIZES: return enum_size(a);
  case (uint32_t)VIDIOC_ENUM_FRAMEINTERVALS: return enum_rate(a);
  case (uint32_t)VIDIOC_TRY_FMT: adjust(c, a); return 0;
  case (uint32_t)VIDIOC_S_FMT: return set_format(c, a);
  case (uint32_t)VIDIOC_G_FMT: return get_format(c, a);
  case (uint32_t)VIDIOC_S_PARM: return parameters(c, a, 1);
  case (uint32_t)VIDIOC_G_PARM: return parameters(c, a, 0);
  case (uint32_t)VIDIOC_REQBUFS: return request_buffers(fd, c, a);
  case (uint32_t)VIDIOC_QUERYBUF: return query_buffer(c, a);
  case (uint32_t)VIDIOC_QBUF: return queue_buffer(c, a);
  case (uint32_t)VIDIOC_STREAMON: return begin_stream(c);
  case (uint32_t)VIDIOC_STREAMOFF: c->streaming = 0, c->queued = 0; return 0;
  case (uint32_t)VIDIOC_DQBUF: return dequeue(c, a);
  case (uint32_t)VIDIOC_QUERYCTRL: return query_control(c, a);
  case (uint32_t)VIDIOC_G_CTRL: return get_control(c, a);
  case (uint32_t)VIDIOC_S_CTRL: return set_control(c, a);
  default: FAIL(ENOTTY);
  }
}

int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *a = va_arg(rest, void *);
  va_end(rest);
  if (!real_ioctl) find_real();
  if (fd < 0 || fd >= MAX_FD || !cameras[fd].used) return real_ioctl(fd, request, a);
  pthread_mutex_lock(&lock);
  int result = answer(fd, &cameras[fd], request, a), error = errno;
  pthread_mutex_unlock(&lock);
  errno = error;
  return result;
}
