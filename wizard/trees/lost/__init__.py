"""Lost: no answer came. How far did the packet come, and what took it there?"""
