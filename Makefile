# SPDX-License-Identifier: MPL-2.0
# The commands of the README. Each sets up what it needs first; the work is in scripts/.

.PHONY: help setup build run live preview check sheets doctor test test-long soak lint bench bench-live bench-sync bench-service train service link unlink clean
.DEFAULT_GOAL := help
export PLATFORM PORTRAIT LANDMARKS AUDIO TEXT VOICE FPS OUT MIC MEDIA SIZE MINUTES LISTEN SLOTS

help:
	@sed -n 's/^## //p' Makefile

## make run        speak a sentence, animate the built-in portrait, write out/demo.mp4
##                 [PORTRAIT=me.jpg] [AUDIO=speech.wav | TEXT="..." VOICE=de] [FPS=30000/1001]
run: setup
	@sh scripts/build.sh
	@sh scripts/link.sh link
	@sh scripts/demo.sh

## make preview    the same in a window, with sound [PORTRAIT=] [AUDIO= | TEXT= | MIC=1]
preview:
	@sh scripts/setup.sh run preview
	@sh scripts/build.sh
	@sh scripts/preview.sh

## make live       each line you type is said live on a server [PLATFORM=youtube|twitch|rtmp://...]
live:
	@sh scripts/setup.sh run live
	@sh scripts/build.sh
	@sh scripts/live.sh

## make check      will this portrait serve? PORTRAIT=me.jpg [LANDMARKS=me.json]
check: setup
	@sh scripts/check.sh

## make doctor     what is missing, and one cure each
doctor:
	@sh scripts/doctor.sh

## make setup      install what is missing (every command does it by itself)
setup:
	@sh scripts/setup.sh run

## make build      the plugin and sonic-probe, into target/release
build: setup
	@sh scripts/build.sh

## make link       let GStreamer find the plugin, and the shell sonic-probe and sonicd, for this
##                 user; make unlink undoes it
link: setup
	@sh scripts/build.sh service
	@sh scripts/link.sh link

unlink:
	@sh scripts/link.sh unlink

## make sheets     contact sheets of poses and of speech, to look at [PORTRAIT= | MEDIA=folder]
sheets: setup
	@sh scripts/sheets.sh

## make test       what CI runs
test:
	@sh scripts/test.sh

## make test-long  what takes real time: soaks, waits for faults
test-long:
	@sh scripts/test_long.sh

## make soak       the whole live chain with interruptions and restarts of its server [MINUTES=2]
soak:
	@sh scripts/setup.sh run live
	@sh scripts/build.sh
	@sh scripts/soak_live.sh

## make lint       formatting and clippy only
lint:
	@sh scripts/lint.sh

## make bench      the element beside stock elements, and the engine's parts
bench: setup
	@sh scripts/bench.sh

## make bench-live latency from a text to a player, and rtmppushsink beside ffmpeg and rtmp2sink
bench-live:
	@sh scripts/setup.sh run live bench
	@sh scripts/build.sh
	@sh scripts/bench_live.sh

## make bench-sync avclocksync beside livesync, videorate and audiorate (five minutes)
bench-sync: build
	@sh scripts/bench_sync.sh

## make bench-service submissions a second, two workers beside one, and a long clip (ten minutes) [ONLY=]
bench-service:
	@sh scripts/setup.sh run live service
	@sh scripts/build.sh service
	@sh scripts/bench_service.sh

## make service    a web page that renders jobs, with broker and worker [LISTEN=] [SLOTS=]
service:
	@sh scripts/setup.sh run service
	@sh scripts/build.sh service
	@sh scripts/service.sh

## make train      speak, train and judge the network that listens (meant for an hour)
train:
	@sh scripts/train.sh

## make clean      remove what was built and made here (not what was installed)
clean:
	cargo clean
	rm -rf out .cache
